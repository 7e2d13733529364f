// The init of --init, a whole static executable: `/dev/init -- program [argument...]`. Runs as process 1 of a container: starts the program in
// a process group of its own, hands it every signal, reaps whatever ends, and ends as the program does (128 + signal where one killed it).
// On the stack: 0 the mask of all signals, 8 the mask from before, 16 a word for results, 24 its own name, 64.. a path.
.globl _start
.set BASE, 0x400000
.set PATH_BYTES, 4096

header:
    .byte 0x7f, 'E', 'L', 'F', 2, 1, 1, 0
    .quad 0
    .short 2, 183          // ET_EXEC, EM_AARCH64
    .long 1
    .quad BASE + .Lstart - header
    .quad program - header
    .quad 0
    .long 0
    .short 64, 56, 1, 64, 0, 0
program:
    .long 1, 5             // PT_LOAD, readable and executable
    .quad 0, BASE, BASE
    .quad end - header, end - header
    .quad 0x10000

.Lstart:
_start:                    // x19: the program's argv, x20: envp
    ldp  x9, x10, [sp]
    add  x19, sp, #16
    add  x20, x19, x9, lsl #3
    sub  sp, sp, #8192
    str  x10, [sp, #24]
    adr  x22, missing      // x22: what to say, x23: how to end
    mov  x23, #127
    cmp  x9, #2
    b.lt fail
    ldr  x10, [x19]
    ldrb w11, [x10]
    cmp  w11, #'-'
    b.ne 1f
    ldrb w11, [x10, #1]
    cmp  w11, #'-'
    b.ne 1f
    ldrb w11, [x10, #2]
    cbnz w11, 1f
    add  x19, x19, #8
    ldr  x10, [x19]
    cbz  x10, fail
1:  mov  x9, #-1
    str  x9, [sp]
    mov  x0, #0            // rt_sigprocmask(SIG_BLOCK, &all, &before, 8)
    mov  x1, sp
    add  x2, sp, #8
    mov  x3, #8
    mov  x8, #135
    svc  #0
    mov  x0, #36           // prctl(PR_SET_CHILD_SUBREAPER, 1): where it is not process 1
    mov  x1, #1
    mov  x2, #0
    mov  x3, #0
    mov  x4, #0
    mov  x8, #167
    svc  #0
    mov  x0, #17           // clone(SIGCHLD, 0, 0, 0, 0)
    mov  x1, #0
    mov  x8, #220
    svc  #0
    adr  x22, no_process
    mov  x23, #126
    mov  w21, w0           // the child
    tbnz x0, #63, fail
    cbz  x0, child

wait:                      // rt_sigtimedwait(&all, NULL, NULL, 8)
    mov  x0, sp
    mov  x1, #0
    mov  x2, #0
    mov  x3, #8
    mov  x8, #137
    svc  #0
    tbnz x0, #63, wait
    cmp  x0, #17
    b.eq reap
    mov  x1, x0            // kill(child, signal)
    mov  w0, w21
    mov  x8, #129
    svc  #0
    b    wait
reap:                      // wait4(-1, &status, WNOHANG, NULL)
    mov  x0, #-1
    add  x1, sp, #16
    mov  x2, #1
    mov  x3, #0
    mov  x8, #260
    svc  #0
    cmp  w0, #0
    b.le wait
    cmp  w0, w21
    b.ne reap
    ldr  w9, [sp, #16]
    ubfx x23, x9, #8, #8
    ands w10, w9, #0x7f
    b.eq exit
    add  w23, w10, #128
exit:
    mov  w0, w23
    mov  x8, #94           // exit_group
    svc  #0

child:
    mov  x0, #0            // setpgid(0, 0)
    mov  x1, #0
    mov  x8, #154
    svc  #0
    mov  x8, #172          // getpid
    svc  #0
    str  w0, [sp, #16]
    mov  x0, #0            // ioctl(0, TIOCSPGRP, &pid): the foreground, where standard input is the terminal
    mov  x1, #0x5410
    add  x2, sp, #16
    mov  x8, #29
    svc  #0
    mov  x0, #2            // rt_sigprocmask(SIG_SETMASK, &before, NULL, 8)
    add  x1, sp, #8
    mov  x2, #0
    mov  x3, #8
    mov  x8, #135
    svc  #0
    adr  x22, not_found
    mov  x23, #127
    ldr  x9, [x19]
3:  ldrb w10, [x9], #1     // a name with a slash is a path
    cmp  w10, #'/'
    b.eq direct
    cbnz w10, 3b
    mov  x24, x20          // x24: what is left of PATH
4:  ldr  x9, [x24], #8
    cbz  x9, 5f
    adr  x10, variable
6:  ldrb w11, [x10], #1
    cbz  w11, 7f
    ldrb w12, [x9], #1
    cmp  w11, w12
    b.eq 6b
    b    4b
5:  adr  x9, usual
7:  mov  x24, x9
folder:
    ldrb w10, [x24]
    cbz  w10, fail
    mov  w13, w10
    add  x11, sp, #64
    add  x12, x11, #PATH_BYTES
6:  ldrb w10, [x24]        // the folder, up to its colon
    cbz  w10, 7f
    add  x24, x24, #1
    cmp  w10, #':'
    b.eq 7f
    cmp  x11, x12
    b.hs 6b                // too long for a path: passed over below
    strb w10, [x11], #1
    b    6b
7:  cmp  w13, #'/'
    b.ne folder            // an empty or relative one
    ldr  x9, [x19]
    mov  w10, #'/'
8:  cmp  x11, x12          // a slash and the program's name
    b.hs folder
    strb w10, [x11], #1
    cbz  w10, 9f
    ldrb w10, [x9], #1
    b    8b
9:  add  x0, sp, #64
    bl   execute
    b    folder
direct:
    ldr  x0, [x19]
    bl   execute

fail:                      // says why, and ends with x23
    ldr  x1, [sp, #24]
    bl   say
    adr  x1, colon
    bl   say
    ldr  x1, [x19]
    cbz  x1, 1f
    bl   say
    adr  x1, colon
    bl   say
1:  mov  x1, x22
    bl   say
    b    exit

execute:                   // execve(x0, argv, envp); remembers any other error than that there is no such file
    mov  x1, x19
    mov  x2, x20
    mov  x8, #221
    svc  #0
    cmn  x0, #2            // ENOENT
    b.eq 1f
    cmn  x0, #20           // ENOTDIR
    b.eq 1f
    adr  x22, not_executable
    mov  x23, #126
1:  ret

say:                       // write(2, x1, its length)
    mov  x2, #0
1:  ldrb w9, [x1, x2]
    cbz  w9, 2f
    add  x2, x2, #1
    b    1b
2:  mov  x0, #2
    mov  x8, #64
    svc  #0
    ret

variable:
    .asciz "PATH="
usual:
    .asciz "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
colon:
    .asciz ": "
missing:
    .asciz "no program is named\n"
no_process:
    .asciz "no process can be started\n"
not_found:
    .asciz "no such file or directory\n"
not_executable:
    .asciz "it cannot be executed\n"
end:
