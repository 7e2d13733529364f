// `build --check`: lints a Containerfile without building anything.
import { type CheckInputs, checkContainerfile, type Warning } from '#build/check/check.ts'
import { checkSettings, ruleUrl } from '#build/check/rules.ts'
import { type Containerfile, parseContainerfile } from '#build/parse/containerfile.ts'
import { globalScope, replace } from '#build/plan/scope.ts'
import type { BuildRequest, CheckedBuild } from '#engine/contracts/build.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import { parsePlatform } from '#oci/platform.ts'
import { openStaging } from '#storage/staging.ts'
import { openBuildContext } from './build/context.ts'
import { hostPlatform } from './import.ts'

/** The verb: what the checks found, with the lines of the file around. Throws what is wrong with the file itself. */
export async function checkBuild(request: BuildRequest): Promise<CheckedBuild> {
  const engine = await openEngine()
  await using staging = openStaging(engine.graphRoot, 'build', () => engine.namespace())
  const { context, file: text } = await openBuildContext(request, staging.path)
  const file = parseContainerfile(text.name, text.text)
  const warnings = await warningsOf(engine, request, file, context.ignore)
  return {
    fileName: file.file.name,
    lines: file.file.lines,
    warnings: warnings.map(each => ({ ...each, url: ruleUrl(each.rule) })),
  }
}

/** `# check=error=true`: warnings end the build. Throws INVALID with the rules' names. */
export async function obeyCheckDirective(
  engine: Engine,
  request: BuildRequest,
  file: Containerfile,
  ignore: readonly string[],
): Promise<void> {
  if (!checkSettings(file.directives.check).isError) return
  const warnings = await warningsOf(engine, request, file, ignore)
  const rules = [...new Set(warnings.map(({ rule }) => rule))]
  if (rules.length === 0) return
  const places = warnings.map(({ startLine, detail }) => `${file.file.name}:${startLine}: ${detail}`)
  throw new TspodError('INVALID', `lint violation found for rules: ${rules.join(', ')}\n${places.join('\n')}`, {
    hint: 'the file says `# check=error=true`; `tspod build --check` shows the lines',
  })
}

async function warningsOf(
  engine: Engine,
  request: BuildRequest,
  file: Containerfile,
  ignore: readonly string[],
): Promise<Warning[]> {
  const buildPlatform = hostPlatform()
  const [wanted] = request.platforms
  const platform = wanted === undefined ? buildPlatform : parsePlatform(wanted, buildPlatform)
  const args = { given: request.buildArgs, platform, buildPlatform, target: request.target ?? '' }
  const known = await knownNames(engine, file, args)
  return checkContainerfile({ file, args, ignore, baseNames: image => known.get(image) })
}

/** The variables of base images that are here; the others' are not known. */
async function knownNames(
  { images }: Engine,
  file: Containerfile,
  args: CheckInputs['args'],
): Promise<Map<string, string[]>> {
  const known = new Map<string, string[]>()
  const { lookup } = globalScope(file, args)
  for (const { from } of file.stages) {
    const name = replace(from.line, from.image, lookup, file.directives.escape)
    const found = name === '' || name === 'scratch' ? undefined : await images.find(name).catch(() => undefined)
    if (found === undefined) continue
    const { config } = images.open({ digest: images.digestOf(found) })
    known.set(
      name,
      (config.config?.Env ?? []).map(entry => entry.split('=', 1)[0] ?? entry),
    )
  }
  return known
}
