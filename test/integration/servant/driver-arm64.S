// The least master that can run the servant's code on arm64, for arm64.test.ts: descriptor 3 is the arena, 4 a pipe for relay_signal.
// BASE, BYTES: where the arena is mapped. Its words at OFFSET: an operation for run_op; after it OFFSET+96: results {pid, raw, status}.
.globl _start
.set AT, BASE + OFFSET

_start:
    ldr  x0, =BASE
    ldr  x1, =BYTES
    mov  x2, #3            // mmap(BASE, BYTES, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED, 3, 0)
    mov  x3, #0x11
    mov  x4, #3
    mov  x5, #0
    mov  x8, #222
    svc  #0
    ldr  x19, =AT
    mov  x20, #0x1234      // run_op keeps x19 to x21
    mov  x21, #0x5678
    mov  x0, x19
    bl   code + RUN_OP
    str  x0, [x19, #96]
    mov  x9, #0x1234
    mov  x10, #0x5678
    cmp  x20, x9
    ccmp x21, x10, #0, eq
    b.ne fail

    mov  x0, #222          // raw_call(mmap, 0, 4096, PROT_READ, MAP_SHARED, 3, 4096): all six arguments
    mov  x1, #0
    mov  x2, #4096
    mov  x3, #1
    mov  x4, #1
    mov  x5, #3
    mov  x6, #4096
    bl   code + RAW_CALL
    str  x0, [x19, #104]

    mov  x0, #28
    bl   code + RELAY_SIGNAL

    ldr  x0, [x19, #96]    // wait4(pid, &status, 0, NULL)
    add  x1, x19, #112
    mov  x2, #0
    mov  x3, #0
    mov  x8, #260
    svc  #0
    mov  x0, #0
    mov  x8, #94
    svc  #0
fail:
    mov  x0, #9
    mov  x8, #94
    svc  #0
.ltorg

.balign 4096
code:
.incbin "servant.bin"
.balign 4096
    .quad 4                // the page of data after the code: relay_signal's descriptor
