// Expected texts are what Go's text/template and fmt make of the same templates and data, columns included.
import { expect, test } from 'bun:test'
import { compileTemplate } from '#cli/format/template/template.ts'

const data = {
  Host: { Arch: 'amd64', CPUs: 2, MemTotal: 25276514304, Controllers: ['cpuset', 'cpu', 'memory', 'pids'] },
  Store: { GraphStatus: { 'Backing Filesystem': 'extfs', 'Supports d_type': 'true' }, GraphOptions: {} },
  Plugins: { Volume: ['local'], Authorization: null },
  Config: { Labels: { app: 'web', 'org.example/x': 'y' }, Env: ['A=1', 'B=2'], Tty: false, Ratio: 0.5 },
  NetworkSettings: { Networks: { podman: { IPAddress: '10.88.0.2' } }, Ports: {} },
  Net: { dns_enabled: true, lease_range: { start_ip: '10.0.0.1' } },
  Mounts: [
    { Source: '/a', Destination: '/b', RW: true },
    { Source: '/c', Destination: '/d', RW: false },
  ],
}
const fill = (template: string, value: unknown = data) => compileTemplate(template)(value)

const cases: [string, string][] = [
  // text, comments, trim marks
  ['plain', 'plain'],
  ['x{{/* a }} comment */}}y {{- 3 -}} z', 'xy3z'],
  ['{{.Host.Arch -}}   x', 'amd64x'],
  ['a {{- /* gone */ -}} b', 'ab'],
  ['{{"{{"}}', '{{'],
  // fields, and their case
  ['{{.Host.Arch}} {{.host.arch}} {{(.Host).Arch}}', 'amd64 amd64 amd64'],
  ['{{.Host.MemTotal}} {{.Host.CPUs}} {{.Config.Tty}} {{.Config.Ratio}}', '25276514304 2 false 0.5'],
  ['{{with .Host}}{{.Arch}} {{$.Host.CPUs}}{{end}}', 'amd64 2'],
  ['{{.Net.DNSEnabled}} {{.Net.LeaseRange.StartIP}} {{.Net.dns_enabled}}', 'true 10.0.0.1 true'],
  // maps and lists
  ['{{.Config.Labels.app}} {{.Config.Labels.none}}', 'web <no value>'],
  ['{{index .Config.Labels "org.example/x"}}|{{index .Config.Labels "none"}}|', 'y||'],
  ['{{.NetworkSettings.Networks.podman.IPAddress}}', '10.88.0.2'],
  ['{{.NetworkSettings.Networks.none}}', '<no value>'],
  ['{{(index .NetworkSettings.Networks "podman").IPAddress}}', '10.88.0.2'],
  ['{{index .Host.Controllers 1}} {{(index .Mounts 1).Source}}', 'cpu /c'],
  ['{{.Store.GraphStatus}} {{.Store.GraphOptions}}', 'map[Backing Filesystem:extfs Supports d_type:true] map[]'],
  ['{{.Plugins.Volume}} {{.Plugins.Authorization}} {{.Mounts}}', '[local] <nil> [{/a /b true} {/c /d false}]'],
  ['{{json .Config.Env}} {{json .Config.Labels.none}} {{json "a<b"}}', '["A=1","B=2"] null "a<b"'],
  // range
  ['{{range .Mounts}}{{.Source}}->{{.Destination}};{{end}}', '/a->/b;/c->/d;'],
  ['{{range $i, $c := .Host.Controllers}}{{if $i}},{{end}}{{$i}}={{$c}}{{end}}', '0=cpuset,1=cpu,2=memory,3=pids'],
  ['{{range $c := .Host.Controllers}}{{$c}} {{end}}', 'cpuset cpu memory pids '],
  ['{{range $k, $v := .Config.Labels}}{{$k}}={{$v}} {{end}}', 'app=web org.example/x=y '],
  [
    '{{range .Host.Controllers}}{{if eq . "cpu"}}{{continue}}{{else if eq . "pids"}}{{break}}{{end}}{{.}} {{end}}',
    'cpuset memory ',
  ],
  ['{{range .Plugins.Authorization}}x{{else}}none{{end}}', 'none'],
  ['{{range $k, $v := .NetworkSettings.Ports}}x{{else}}none{{end}}', 'none'],
  ['{{range 3}}{{.}}{{end}}', '012'],
  // if, with, variables
  ['{{if .Config.Tty}}t{{else if .Host.CPUs}}cpus{{else}}none{{end}}', 'cpus'],
  ['{{if and .Host (eq .Host.Arch "amd64")}}y{{end}}', 'y'],
  ['{{if not .Plugins.Authorization}}none{{end}}', 'none'],
  ['{{with $a := .Host.Arch}}{{$a}}{{.}}{{else}}n{{end}}', 'amd64amd64'],
  ['{{with .Plugins.Authorization}}x{{else}}n{{end}}', 'n'],
  ['{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}', '2'],
  ['{{$x := 1}}{{if true}}{{$x := 2}}{{end}}{{$x}}', '1'],
  ['{{$n := 0}}{{range .Mounts}}{{$n = len .Source}}{{end}}{{$n}}', '2'],
  // pipelines and functions
  ['{{.Host.Arch | upper | printf "%s-%s" "x"}}', 'x-AMD64'],
  ['{{"a,b" | split "x"}}', '[x]'],
  [
    '{{join .Host.Controllers ":"}} {{split "a,b" ","}} {{title "hello world"}}',
    'cpuset:cpu:memory:pids [a b] Hello World',
  ],
  ['{{pad "a" 1 2}}|{{truncate "abcdef" 3}}|{{lower "ABC"}}', ' a  |abc|abc'],
  [
    '{{slice .Host.Arch 1 3}} {{slice .Host.Controllers 1 2}} {{len .Host.Controllers}} {{"abc" | len}}',
    'md [cpu] 4 3',
  ],
  ['{{eq 1 2 1}} {{ne "a" "b"}} {{lt 1 2}} {{le 2 2}} {{gt "b" "a"}} {{ge 1 2}}', 'true true true true true false'],
  ['{{and 1 0}} {{or 0 "a"}} {{or 0 ""}} {{and 1 2}} {{not 1}}', '0 a  2 false'],
  ['{{or true (index .Host.Controllers 99)}}', 'true'],
  ['{{print 1 2 "x" "y" 3}}|{{print}}|{{println 1 "x"}}|', '1 2xy3||1 x\n|'],
  ['{{html "<a>&\'"}} {{js "it\'s <b>"}} {{urlquery "a b/c"}}', "&lt;a&gt;&amp;&#39; it\\'s \\u003Cb\\u003E a+b%2Fc"],
  // literals
  [
    "{{'a'}} {{0x1f}} {{-5}} {{1_000}} {{017}} {{1.0}} {{1e30}} {{0.00001}} {{true}}",
    '97 31 -5 1000 15 1 1e+30 1e-05 true',
  ],
  ['{{"a\\tb\\x41\\u00e9\\\\"}} {{`r\\t`}}', 'a\tbAé\\ r\\t'],
  // printf
  [
    '{{printf "%v %q %5d|%-5d|%05d %x %t %8.3f %T" "a" "b" 3 4 5 255 true 3.14159 1}}',
    'a "b"     3|4    |00005 ff true    3.142 int',
  ],
  [
    '{{printf "%6.2f|%+d|%x|%X|%c|%U|%%|%s" 3.14159 5 "hi" 255 65 65 .Plugins.Volume}}',
    '  3.14|+5|6869|FF|A|U+0041|%|[local]',
  ],
  [
    '{{printf "%d" .Host.Arch}} {{printf "%s" 5}} {{printf "%d"}} {{printf "a" 1}}',
    '%!d(string=amd64) %!s(int=5) %!d(MISSING) a%!(EXTRA int=1)',
  ],
  ['{{printf "%-6s|%6s|%.2s|%*d" "ab" "cd" "xyz" 4 7}}', 'ab    |    cd|xy|   7'],
  // templates within templates
  ['{{define "a"}}<{{.}}>{{end}}{{template "a" .Host.Arch}}', '<amd64>'],
  ['{{block "b" .Host}}{{.Arch}}{{end}}', 'amd64'],
]
for (const [template, wanted] of cases)
  test(`${template} makes ${JSON.stringify(wanted)}`, () => {
    expect(fill(template)).toBe(wanted)
  })

const mistakes: [string, string][] = [
  ['{{.Host.Foo}}', "executing template: 1:2: at <.Host.Foo>: can't evaluate field Foo"],
  ['ab\n{{.Foo}}', "executing template: 2:2: at <.Foo>: can't evaluate field Foo"],
  ['{{.Host.Arch.Foo}}', "can't evaluate field Foo in type string"],
  ['{{.Plugins.Authorization.Foo}}', 'nil pointer evaluating interface {}.Foo'],
  ['{{index .Host.Controllers 99}}', 'error calling index: index out of range: 99'],
  ['{{index .Host.Controllers "a"}}', 'cannot index slice/array with type string'],
  ['{{lt "a" 1}}', 'error calling lt: incompatible types for comparison'],
  ['{{len 3}}', 'error calling len: len of type int'],
  ['{{join "a" ","}}', 'error calling join: wrong type for value; expected []string; got string'],
  ['{{upper}}', 'wrong number of args for upper: want 1 got 0'],
  ['{{"x" "y"}}', 'can\'t give argument to non-function "x"'],
  ['{{nil}}', 'nil is not a command'],
  ['{{range .Host.Arch}}{{end}}', "range can't iterate over amd64"],
  ['{{template "none"}}', 'template "none" not defined'],
  ['{{define "a"}}{{template "a"}}{{end}}{{template "a"}}', 'exceeded maximum template depth'],
  ['{{foo}}', 'parsing template: 1:2: function "foo" not defined'],
  ['{{if .Host}}', 'unexpected EOF'],
  ['{{.Host.Arch}', 'unexpected "}" in action'],
  ['{{.Host.Arch', 'unclosed action'],
  ['{{"abc}}', 'unterminated quoted string'],
  ['{{/* x }}', 'unclosed comment'],
  ['{{1 | 2}}', 'non executable command in pipeline stage 2'],
  ['{{.Host |}}', 'missing command after "|"'],
  ['{{}}', 'missing value for command'],
  ['{{end}}', 'unexpected {{end}}'],
  ['{{else}}', 'unexpected {{else}}'],
  ['{{if 1}}{{else}}{{else}}{{end}}', 'expected end; found {{else}}'],
  ['{{$y}}', 'undefined variable "$y"'],
  ['{{if true}}{{$x := 1}}{{end}}{{$x}}', 'undefined variable "$x"'],
  ['{{break}}', '{{break}} outside {{range}}'],
  ['{{(.Host}}', 'unexpected'],
  ['{{1.Foo}}', 'unexpected'],
]
for (const [template, message] of mistakes)
  test(`${JSON.stringify(template)} is refused: ${message}`, () => {
    expect(() => fill(template)).toThrow(message)
  })

test('a mistake comes with the template, or the fields there are', () => {
  expect(() => fill('{{foo}}')).toThrow(expect.objectContaining({ code: 'INVALID', hint: 'the template is "{{foo}}"' }))
  expect(() => fill('{{.Host.Foo}}')).toThrow(
    expect.objectContaining({ hint: 'there are: Arch, CPUs, MemTotal, Controllers' }),
  )
})

test('fields may be methods, with or without arguments', () => {
  const value = { Names: () => ['a', 'b'], Label: (name: string) => `<${name}>` }
  expect(fill('{{.Names}} {{.Label "x"}} {{"y" | .Label}}', value)).toBe('[a b] <x> <y>')
})

test('keys like __proto__ are no fields', () => {
  expect(fill('{{.Config.Labels.constructor}} {{.Config.Labels.toString}}')).toBe('<no value> <no value>')
  expect(() => fill('{{.Host.constructor}}')).toThrow("can't evaluate field constructor")
})
