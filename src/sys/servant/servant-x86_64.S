# Code that is copied into an executable page of tspod. Only registers are used: no stack beyond the saved registers, no heap, no libc, no locks.
.intel_syntax noprefix
.globl run_op, raw_call, relay_signal

# long run_op(struct op *op): performs one operation here; where it is a clone and this is the new child, serves the op's mailbox for ever.
.Lcode:
run_op:
    push rbx
    push r12
    push r13
    mov  r12, rdi
    mov  r13, [r12+64]     # read before the call: the memory may be reused by the time a new child runs
    mov  rax, [r12]
    mov  rdi, [r12+8]
    mov  rsi, [r12+16]
    mov  rdx, [r12+24]
    mov  r10, [r12+32]
    mov  r8,  [r12+40]
    mov  r9,  [r12+48]
    syscall
    test rax, rax
    jnz  1f
    mov  rbx, r13
    test rbx, rbx
    jnz  start
1:  pop  r13
    pop  r12
    pop  rbx
    ret

# long raw_call(long number, long a, long b, long c, long d, long e, long f): a system call with the kernel's own result, no errno.
raw_call:
    mov  rax, rdi
    mov  rdi, rsi
    mov  rsi, rdx
    mov  rdx, rcx
    mov  r10, r8
    mov  r8,  r9
    mov  r9,  [rsp+8]
    syscall
    ret

# void relay_signal(int signal): a signal handler; writes the signal's number as one byte to the descriptor in the next page.
relay_signal:
    push rdi
    mov  edi, [rip+.Lcode+4096]  # the page of data after the code
    mov  rsi, rsp
    mov  edx, 1
    mov  eax, 1
    syscall
    pop  rdi
    ret

.include "serve-x86_64.inc"
