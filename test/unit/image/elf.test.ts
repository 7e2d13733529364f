import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { parseLoaderList, readElf } from '#image/elf.ts'

test('the loader of a dynamic program, static programs, and what is no program', () => {
  expect(readElf(readFileSync('/bin/ls'))).toMatchObject({
    kind: 'dynamic',
    loader: expect.stringMatching(/^\/lib.*ld/),
  })
  expect(readElf(Buffer.from('#!/bin/sh\n'.padEnd(100)))).toBeUndefined()
  const cut = readFileSync('/bin/ls').subarray(0, 100)
  expect(readElf(cut)).toBeUndefined()
})

test('headers that point outside the file are no reason to read there', () => {
  const elf = Buffer.alloc(64)
  elf.writeUInt32BE(0x7f454c46, 0)
  elf[4] = 2
  elf[5] = 1
  elf.writeBigUInt64LE(0xffff_ffffn, 32)
  elf.writeUInt16LE(56, 54)
  elf.writeUInt16LE(10, 56)
  expect(readElf(elf)).toBeUndefined()
})

test('what a loader lists', () => {
  const text =
    '\tlinux-vdso.so.1 (0x00007ffd)\n\tlibc.so.6 => /lib/x/libc.so.6 (0x00007f01)\n\t/lib64/ld.so.2 (0x00007f02)\n\tlibgone.so => not found\n'
  expect(parseLoaderList(text)).toEqual({ paths: ['/lib/x/libc.so.6', '/lib64/ld.so.2'], missing: ['libgone.so'] })
})
