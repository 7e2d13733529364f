// The build checks: each rule, and what does not break it. Cases and words are those of BuildKit's own tests.
import { describe, expect, test } from 'bun:test'
import { checkContainerfile } from '#build/check/check.ts'
import { ruleNames, ruleUrl } from '#build/check/rules.ts'
import { parseContainerfile } from '#build/parse/containerfile.ts'

const platform = { os: 'linux', architecture: 'amd64' }
const args = { given: new Map<string, string>(), platform, buildPlatform: platform, target: '' }

/** `line Rule: detail` of each warning. */
function check(text: string, ignore: string[] = []): string[] {
  const file = parseContainerfile('Dockerfile', text)
  const baseNames = (image: string) => (image === 'unknown' ? undefined : ['FROM_IMAGE'])
  return checkContainerfile({ file, args, ignore, baseNames }).map(
    ({ startLine, rule, detail }) => `${startLine} ${rule}: ${detail}`,
  )
}

const multiple = (name: string): string =>
  `Multiple ${name} instructions should not be used in the same stage because only the last one will be used`

const cases: [name: string, text: string, warnings: string[], ignore?: string[]][] = [
  ['names of stages', 'FROM scratch AS Builder\n', ["1 StageNameCasing: Stage name 'Builder' should be lowercase"]],
  ['as beside FROM', 'FROM scratch as base\n', ["1 FromAsCasing: 'as' and 'FROM' keywords' casing do not match"]],
  ['as beside from', 'from scratch as base\n', []],
  ['an empty continuation', 'FROM scratch\nCOPY a \\\n\n  b\n', ['2 NoEmptyContinuation: Empty continuation line']],
  [
    'casing of keywords',
    'FROM scratch\nCopy a b\ncopy a b\nENV A=1\n',
    [
      "2 ConsistentInstructionCasing: Command 'Copy' should match the case of the command majority (uppercase)",
      "3 ConsistentInstructionCasing: Command 'copy' should match the case of the command majority (uppercase)",
    ],
  ],
  [
    'stages of one name',
    'FROM scratch AS b\nFROM scratch AS b\n',
    ['2 DuplicateStageName: Duplicate stage name "b", stage names should be unique'],
  ],
  [
    'reserved names',
    'FROM alpine AS scratch\nFROM alpine AS context\n',
    [
      '1 ReservedStageName: Stage name should not use the same name as reserved stage "scratch"',
      '2 ReservedStageName: Stage name should not use the same name as reserved stage "context"',
    ],
  ],
  [
    'commands for a shell',
    'FROM scratch\nCMD mycommand\nENTRYPOINT mycommand\n',
    [
      '2 JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals',
      '3 JSONArgsRecommended: JSON arguments recommended for ENTRYPOINT to prevent unintended behavior related to OS signals',
    ],
  ],
  ["a shell of one's own", 'FROM scratch AS a\nSHELL ["/x", "-c"]\nCMD mycommand\nFROM a\nENTRYPOINT mycommand\n', []],
  [
    'MAINTAINER',
    'FROM scratch\nMAINTAINER me\n',
    ['2 MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label'],
  ],
  [
    'an argument of FROM',
    'ARG tag=latest\nFROM alpine:${tag}${version} AS b\nFROM --platform=$BULIDPLATFORM alpine\n',
    [
      "2 UndefinedArgInFrom: FROM argument 'version' is not declared",
      "3 UndefinedArgInFrom: FROM argument 'BULIDPLATFORM' is not declared (did you mean BUILDPLATFORM?)",
    ],
  ],
  ['known arguments of FROM', 'ARG DEBUG\nFROM --platform=$BUILDPLATFORM scra${DEBUG:-tch}\n', []],
  [
    'relative folders',
    'FROM scratch\nWORKDIR app/\nWORKDIR more\nFROM scratch AS c\nWORKDIR /a\nFROM c\nWORKDIR b\n',
    ['2 WorkdirRelativePath: Relative workdir "app/" can have unexpected results if the base image changes'],
  ],
  [
    'unknown variables',
    'FROM alpine\nCOPY $foo .\nARG foo=bar\nRUN echo $none\nENV A=$FROM_IMAGE PATH=$PAHT:/x B=${C:-d}\nCOPY $A$foo /\n',
    [
      "2 UndefinedVar: Usage of undefined variable '$foo'",
      "5 UndefinedVar: Usage of undefined variable '$PAHT' (did you mean $PATH?)",
    ],
  ],
  [
    'variables of a stage below, and of an image that is not here',
    'FROM alpine AS a\nARG foo=x\nFROM a\nCOPY $foo .\nFROM unknown\nCOPY $bar .\n',
    [],
  ],
  [
    'what is written twice',
    'FROM scratch\nENTRYPOINT ["/a"]\nCMD ["/a"]\nHEALTHCHECK CMD ["/a"]\nENTRYPOINT ["/b"]\nCMD ["/b"]\nHEALTHCHECK CMD ["/b"]\nFROM scratch\nCMD ["/c"]\n',
    [
      `2 MultipleInstructionsDisallowed: ${multiple('ENTRYPOINT')}`,
      `3 MultipleInstructionsDisallowed: ${multiple('CMD')}`,
      `4 MultipleInstructionsDisallowed: ${multiple('HEALTHCHECK')}`,
    ],
  ],
  [
    'the old form of ENV and LABEL',
    'FROM scratch\nENV testkey value\nLABEL key value\nENV a=b\n',
    [
      '2 LegacyKeyValueFormat: "ENV key=value" should be used instead of legacy "ENV key value" format',
      '3 LegacyKeyValueFormat: "LABEL key=value" should be used instead of legacy "LABEL key value" format',
    ],
  ],
  [
    'the platform that is meant anyway',
    'FROM --platform=${TARGETPLATFORM} scratch\n',
    [
      '1 RedundantTargetPlatform: Setting platform to predefined ${TARGETPLATFORM} in FROM is redundant as this is the default behavior',
    ],
  ],
  [
    'a platform for ever',
    'FROM --platform=linux/arm64 scratch AS build\nFROM --platform=linux/arm64 scratch AS for_arm64\n',
    ['1 FromPlatformFlagConstDisallowed: FROM --platform flag should not use constant value "linux/arm64"'],
  ],
  [
    'secrets',
    'FROM scratch\nENV password=bar sunflower=foo PUBLIC_KEY=x password_file=y\nARG GITHUB_TOKEN\nARG monkey\n',
    [
      '2 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ENV "password")',
      '3 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ARG "GITHUB_TOKEN")',
    ],
  ],
  [
    'arguments without a default in FROM',
    'ARG VERSION\nARG V=1\nFROM busybox:$VERSION\nFROM busybox:$V\n',
    ['3 InvalidDefaultArgInFrom: Default value for ARG busybox:$VERSION results in empty or invalid base image name'],
  ],
  [
    'files that are ignored',
    'FROM scratch AS a\nCOPY ./secret.txt .\nADD sub/file /x\nCOPY --from=a /secret.txt /\nCOPY . .\n',
    [
      '2 CopyIgnoredFile: Attempting to Copy file "secret.txt" that is excluded by .dockerignore',
      '3 CopyIgnoredFile: Attempting to Add file "sub/file" that is excluded by .dockerignore',
    ],
    ['secret.txt', 'sub'],
  ],
  [
    'all that is ignored',
    'FROM scratch\nCOPY . .\n',
    ['2 CopyIgnoredFile: Attempting to Copy file "." that is excluded by .dockerignore'],
    ['*'],
  ],
  ['exceptions', 'FROM scratch\nCOPY secret.txt .\n', [], ['**', '!secret.txt']],
  [
    'EXPOSE',
    'FROM scratch\nEXPOSE 80/TcP 127.0.0.1:80:80 5000-5005:5000 81\n',
    [
      "2 ExposeProtoCasing: Defined protocol '80/TcP' in EXPOSE instruction should be lowercase",
      "2 ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '127.0.0.1:80:80'",
      "2 ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '5000-5005:5000'",
    ],
  ],
  ['descriptions are not looked at by default', 'FROM scratch\n# something else\nARG foo=bar\n', []],
  [
    'descriptions',
    '# check=experimental=InvalidDefinitionDescription\n# bar this is the bar\nARG foo=bar\n# base the base\nFROM scratch AS base\n# bad\nARG a=b c=d\n#\nARG e=f\n\n# c is good\nARG c=1\n',
    [
      '3 InvalidDefinitionDescription: Comment for ARG should follow the format: `# foo <description>`',
      '7 InvalidDefinitionDescription: Comment for ARG should follow the format: `# <arg_key> <description>`',
    ],
  ],
  [
    'check=skip for the file',
    '# check=skip=JSONArgsRecommended,LegacyKeyValueFormat\nFROM scratch\nCMD a\nENV a b\n',
    [],
  ],
  ['check=skip=all', '#check=skip=all\nFROM scratch as base\ncopy a .\n', []],
  [
    'check=skip for one instruction',
    'FROM scratch\n# check=skip=SecretsUsedInArgOrEnv // allowed here\nENV password=bar\nARG password\n',
    ['4 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ARG "password")'],
  ],
]

describe('checkContainerfile()', () => {
  for (const [name, text, warnings, ignore] of cases) test(name, () => expect(check(text, ignore)).toEqual(warnings))

  test('every rule has a case', () => {
    const seen = new Set(cases.flatMap(([, , warnings]) => warnings.map(each => each.split(' ')[1]?.slice(0, -1))))
    expect([...ruleNames].filter(rule => !seen.has(rule))).toEqual([])
  })

  test('pages of rules', () => {
    expect(ruleUrl('JSONArgsRecommended')).toEndWith('/rule/json-args-recommended/')
    expect(ruleUrl('CopyIgnoredFile')).toEndWith('/rule/copy-ignored-file/')
  })
})
