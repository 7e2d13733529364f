// `tspod search`.
import { defineCommand, usageError } from '#cli/command.ts'
import { formatJson } from '#cli/format/json.ts'
import { type Column, renderTable } from '#cli/format/table.ts'
import { flag, integer, list, parseBoolean, text } from '#cli/option.ts'
import { print } from '#cli/output.ts'
import { registryOptions, registryOptionsOf } from '#cli/registry-options.ts'
import { commandProgress } from '#cli/streams.ts'
import type { SearchedImage } from '#engine/contracts/image.ts'

const shortDescription = 44
const fields = ['Index', 'Name', 'Description', 'Stars', 'Official', 'Automated', 'Tag']

export const searchCommand = defineCommand({
  usage: '[options] TERM',
  description: 'TERM may begin with a registry: quay.io/tool; quay.io/ alone lists all that it tells of.',
  examples: ['search alpine', 'search --list-tags docker.io/library/alpine'],
  options: {
    ...registryOptions,
    compatible: flag("Show docker's columns too: stars, official, automated"),
    filter: list('key=value', 'Only stars=N or more, is-official, is-automated', { short: 'f' }),
    format: text('template', 'json, or a Go template, or `table` and a template'),
    limit: integer('At most this many from each registry (default 25; of tags all)', 1),
    listTags: flag("List an image's tags"),
    noTrunc: flag('Show descriptions in full'),
  },
  operands: '<term>',
  completes: ['none'],
  async run(values, [term = '']) {
    const progress = commandProgress(false)
    const options = { ...registryOptionsOf(values), onProgress: progress.onProgress }
    const { listTags, searchImages } = await import('#engine/image/search.ts')
    const { renderRows, wantsJson } = await import('#cli/format/report.ts')
    const shape = { fields, headings: {} }
    if (values.listTags === true) {
      if ((values.filter ?? []).length > 0) throw usageError('filters are not applicable to list tags result')
      const found = await listTags(term, { ...options, limit: values.limit ?? Number.POSITIVE_INFINITY })
      if (wantsJson(values.format)) return print(formatJson([{ Name: found.name, Tags: found.tags }]))
      const rows = found.tags.map(tag => ({ Name: found.name, Tag: tag, Index: '', Description: '' }))
      if (values.format !== undefined) return print(renderRows(values.format, rows, shape))
      return print(renderTable(rows, [column('NAME', row => row.Name), column('TAG', row => row.Tag)]))
    }
    const all = await searchImages(term, { ...options, limit: values.limit ?? 25 })
    const images = all.filter(testOf(values.filter ?? []))
    if (wantsJson(values.format)) return print(formatJson(images.map(image => rowOf(image, true))))
    const rows = images.map(image => rowOf(image, values.noTrunc ?? false))
    if (values.format !== undefined) return print(renderRows(values.format, rows, shape))
    const columns = [column<Row>('NAME', row => row.Name), column<Row>('DESCRIPTION', row => row.Description)]
    if (values.compatible === true)
      columns.push(
        column('STARS', row => String(row.Stars)),
        column('OFFICIAL', row => row.Official),
        column('AUTOMATED', row => row.Automated),
      )
    return print(renderTable(rows, columns))
  },
})

type Row = ReturnType<typeof rowOf>

function column<T>(title: string, cell: (row: T) => string): Column<T> {
  return { title, cell }
}

function rowOf(image: SearchedImage, full: boolean) {
  const { registry, name, description, stars, official, automated } = image
  const isLong = !full && description.length > shortDescription
  return {
    Index: registry,
    Name: name,
    Description: isLong ? `${description.slice(0, shortDescription)}...` : description,
    Stars: stars,
    Official: official ? '[OK]' : '',
    Automated: automated ? '[OK]' : '',
    Tag: '',
  }
}

function testOf(filters: readonly string[]): (image: SearchedImage) => boolean {
  const tests = filters.map(filter => {
    const [key = '', value = 'true'] = filter.split('=', 2)
    switch (key) {
      case 'stars': {
        if (!/^\d+$/.test(value)) throw usageError(`filter stars="${value}" must be a whole number`)
        return ({ stars }: SearchedImage) => stars >= Number(value)
      }
      case 'is-official':
        return ({ official }: SearchedImage) => official === parseBoolean(value, '--filter is-official')
      case 'is-automated':
        return ({ automated }: SearchedImage) => automated === parseBoolean(value, '--filter is-automated')
      default:
        throw usageError(`invalid filter type "${filter}", must be stars=, is-official= or is-automated=`)
    }
  })
  return image => tests.every(test => test(image))
}
