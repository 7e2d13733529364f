# The program of a pod's infra container, a whole static executable: keeps the namespaces. Runs as process 1 of a container, perhaps of all
# members: reaps whatever ends, and ends with 0 at SIGINT or SIGTERM. On the stack: 0 the mask of all signals.
.intel_syntax noprefix
.globl _start
.set BASE, 0x400000

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
_start:
    sub  rsp, 16
    mov  qword ptr [rsp], -1
    xor  edi, edi          # rt_sigprocmask(SIG_BLOCK, &all, NULL, 8)
    mov  rsi, rsp
    xor  edx, edx
    mov  r10d, 8
    mov  eax, 14
    syscall
wait:                      # rt_sigtimedwait(&all, NULL, NULL, 8)
    mov  rdi, rsp
    xor  esi, esi
    xor  edx, edx
    mov  r10d, 8
    mov  eax, 128
    syscall
    cmp  eax, 2            # SIGINT
    je   exit
    cmp  eax, 15           # SIGTERM
    je   exit
    cmp  eax, 17           # SIGCHLD
    jne  wait
reap:                      # wait4(-1, NULL, WNOHANG, NULL)
    mov  rdi, -1
    xor  esi, esi
    mov  edx, 1
    xor  r10d, r10d
    mov  eax, 61
    syscall
    test eax, eax
    jg   reap
    jmp  wait
exit:
    xor  edi, edi
    mov  eax, 231          # exit_group
    syscall
end:
