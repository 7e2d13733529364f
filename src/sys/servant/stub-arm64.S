// A whole static executable of a few hundred bytes, put into a sealed memory file and executed before an image's program is:
// it maps the arena it is told of and serves its mailbox as the servant does, while /proc/self/exe is harmless (CVE-2019-5736).
.globl _start, parameters
.set BASE, 0x400000

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
_start:                    // mmap(address, length, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED, fd, 0)
    adr  x9, .Lparameters
    ldp  x10, x1, [x9]
    mov  x0, x10
    mov  x2, #3
    mov  x3, #0x11
    ldp  x4, x19, [x9, #16]
    mov  x11, x4
    mov  x5, #0
    mov  x8, #222
    svc  #0
    cmp  x0, x10
    b.ne die
    mov  x0, x11           // close(fd)
    mov  x8, #57
    svc  #0
    ldr  x22, [x19]
    mov  x20, #-1          // the first answer says that the stub is in place
    b    done
.include "serve-arm64.inc"

.balign 8
.Lparameters:
parameters:                // arena's address, its length, its descriptor, the mailbox's address
    .quad 0, 0, 0, 0
end:
