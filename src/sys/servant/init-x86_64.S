# The init of --init, a whole static executable: `/dev/init -- program [argument...]`. Runs as process 1 of a container: starts the program in
# a process group of its own, hands it every signal, reaps whatever ends, and ends as the program does (128 + signal where one killed it).
# On the stack: 0 the mask of all signals, 8 the mask from before, 16 a word for results, 24 its own name, 64.. a path.
.intel_syntax noprefix
.globl _start
.set BASE, 0x400000
.set PATH_END, 64 + 4096

header:
    .byte 0x7f, 'E', 'L', 'F', 2, 1, 1, 0
    .quad 0
    .short 2, 62           # ET_EXEC, EM_X86_64
    .long 1
    .quad BASE + .Lstart - header
    .quad program - header
    .quad 0
    .long 0
    .short 64, 56, 1, 64, 0, 0
program:
    .long 1, 5             # PT_LOAD, readable and executable
    .quad 0, BASE, BASE
    .quad end - header, end - header
    .quad 0x1000

.Lstart:
_start:                    # r15: the program's argv, r14: envp
    mov  rcx, [rsp]
    mov  rdx, [rsp+8]
    lea  r15, [rsp+16]
    lea  r14, [rsp+rcx*8+16]
    sub  rsp, 8192
    mov  [rsp+24], rdx
    lea  r12, [rip+missing]
    mov  ebx, 127
    cmp  rcx, 2
    jl   fail
    mov  rax, [r15]
    cmp  word ptr [rax], 0x2d2d
    jne  1f
    cmp  byte ptr [rax+2], 0
    jne  1f
    add  r15, 8
    cmp  qword ptr [r15], 0
    je   fail
1:  mov  qword ptr [rsp], -1
    xor  edi, edi          # rt_sigprocmask(SIG_BLOCK, &all, &before, 8)
    mov  rsi, rsp
    lea  rdx, [rsp+8]
    mov  r10d, 8
    mov  eax, 14
    syscall
    mov  edi, 36           # prctl(PR_SET_CHILD_SUBREAPER, 1): where it is not process 1
    mov  esi, 1
    xor  edx, edx
    xor  r10d, r10d
    xor  r8d, r8d
    mov  eax, 157
    syscall
    mov  edi, 17           # clone(SIGCHLD, 0, 0, 0, 0)
    xor  esi, esi
    mov  eax, 56
    syscall
    mov  r13d, eax
    lea  r12, [rip+no_process]
    mov  ebx, 126
    test eax, eax
    js   fail
    jz   child

wait:                      # rt_sigtimedwait(&all, NULL, NULL, 8)
    mov  rdi, rsp
    xor  esi, esi
    xor  edx, edx
    mov  r10d, 8
    mov  eax, 128
    syscall
    test eax, eax
    js   wait
    cmp  eax, 17
    je   reap
    mov  edi, r13d         # kill(child, signal)
    mov  esi, eax
    mov  eax, 62
    syscall
    jmp  wait
reap:                      # wait4(-1, &status, WNOHANG, NULL)
    mov  rdi, -1
    lea  rsi, [rsp+16]
    mov  edx, 1
    xor  r10d, r10d
    mov  eax, 61
    syscall
    test eax, eax
    jle  wait
    cmp  eax, r13d
    jne  reap
    mov  eax, [rsp+16]
    mov  ebx, eax
    and  ebx, 0x7f
    jnz  2f
    movzx ebx, ah
    jmp  exit
2:  add  ebx, 128
exit:
    mov  edi, ebx
    mov  eax, 231          # exit_group
    syscall

child:
    xor  edi, edi          # setpgid(0, 0)
    xor  esi, esi
    mov  eax, 109
    syscall
    mov  eax, 39           # getpid
    syscall
    mov  [rsp+16], eax
    xor  edi, edi          # ioctl(0, TIOCSPGRP, &pid): the foreground, where standard input is the terminal
    mov  esi, 0x5410
    lea  rdx, [rsp+16]
    mov  eax, 16
    syscall
    mov  edi, 2            # rt_sigprocmask(SIG_SETMASK, &before, NULL, 8)
    lea  rsi, [rsp+8]
    xor  edx, edx
    mov  r10d, 8
    mov  eax, 14
    syscall
    lea  r12, [rip+not_found]
    mov  ebx, 127
    mov  rsi, [r15]
3:  mov  al, [rsi]         # a name with a slash is a path
    inc  rsi
    cmp  al, '/'
    je   direct
    test al, al
    jnz  3b
    mov  rbp, r14          # rbp: what is left of PATH
4:  mov  rsi, [rbp]
    add  rbp, 8
    test rsi, rsi
    jz   5f
    cmp  dword ptr [rsi], 0x48544150
    jne  4b
    cmp  byte ptr [rsi+4], '='
    jne  4b
    lea  rbp, [rsi+5]
    jmp  folder
5:  lea  rbp, [rip+usual]
folder:
    cmp  byte ptr [rbp], 0
    je   fail
    mov  rsi, rbp
    lea  rdi, [rsp+64]
    lea  r8, [rsp+PATH_END]
6:  mov  al, [rbp]         # the folder, up to its colon
    test al, al
    jz   7f
    inc  rbp
    cmp  al, ':'
    je   7f
    cmp  rdi, r8
    jae  6b                # too long for a path: passed over below
    mov  [rdi], al
    inc  rdi
    jmp  6b
7:  cmp  byte ptr [rsi], '/'
    jne  folder            # an empty or relative one
    mov  rsi, [r15]
    mov  al, '/'
8:  cmp  rdi, r8           # a slash and the program's name
    jae  folder
    mov  [rdi], al
    inc  rdi
    test al, al
    jz   9f
    mov  al, [rsi]
    inc  rsi
    jmp  8b
9:  lea  rdi, [rsp+64]
    call execute
    jmp  folder
direct:
    mov  rdi, [r15]
    call execute

fail:                      # says why, and ends with ebx
    mov  rsi, [rsp+24]
    call say
    lea  rsi, [rip+colon]
    call say
    cmp  qword ptr [r15], 0
    je   1f
    mov  rsi, [r15]
    call say
    lea  rsi, [rip+colon]
    call say
1:  mov  rsi, r12
    call say
    jmp  exit

execute:                   # execve(rdi, argv, envp); remembers any other error than that there is no such file
    mov  rsi, r15
    mov  rdx, r14
    mov  eax, 59
    syscall
    cmp  eax, -2           # ENOENT
    je   1f
    cmp  eax, -20          # ENOTDIR
    je   1f
    lea  r12, [rip+not_executable]
    mov  ebx, 126
1:  ret

say:                       # write(2, rsi, its length)
    xor  edx, edx
1:  cmp  byte ptr [rsi+rdx], 0
    je   2f
    inc  edx
    jmp  1b
2:  mov  edi, 2
    mov  eax, 1
    syscall
    ret

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
