# A whole static executable of a few hundred bytes, put into a sealed memory file and executed before an image's program is:
# it maps the arena it is told of and serves its mailbox as the servant does, while /proc/self/exe is harmless (CVE-2019-5736).
.intel_syntax noprefix
.globl _start, parameters
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
_start:                    # mmap(address, length, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED, fd, 0)
    mov  rdi, [rip+.Lparameters]
    mov  rsi, [rip+.Lparameters+8]
    mov  edx, 3
    mov  r10d, 0x11
    mov  r8,  [rip+.Lparameters+16]
    xor  r9d, r9d
    mov  eax, 9
    syscall
    cmp  rax, rdi
    jne  die
    mov  rdi, r8           # close(fd)
    mov  eax, 3
    syscall
    mov  rbx, [rip+.Lparameters+24]
    mov  r14, [rbx]
    mov  r12, -1           # the first answer says that the stub is in place
    jmp  done
.include "serve-x86_64.inc"

.balign 8
.Lparameters:
parameters:                # arena's address, its length, its descriptor, the mailbox's address
    .quad 0, 0, 0, 0
end:
