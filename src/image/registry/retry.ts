// When to ask again: after a broken connection, 429 and 5xx, later each time and never in step with others.

export interface RetryPolicy {
  /** Further attempts after the first. */
  retries: number
  /** Before the first of them; doubles with each. */
  delayMs: number
}

export const defaultRetry: RetryPolicy = { retries: 3, delayMs: 500 }

const longestPauseMs = 60_000

export const isRetriedStatus = (status: number): boolean =>
  status === 429 || status === 408 || (status >= 500 && status !== 501)

/**
 * How long to wait before attempt number `attempt` (1 for the first retry): what Retry-After says (RFC 9110 section 10.2.3),
 * else twice as long each time, less up to half of it by chance. `undefined`: longer than anybody wants to wait.
 */
export function pauseBefore(
  attempt: number,
  policy: RetryPolicy,
  retryAfter: string | null,
  random = Math.random(),
): number | undefined {
  const asked = parseRetryAfter(retryAfter)
  if (asked !== undefined) return asked > longestPauseMs ? undefined : asked
  const full = Math.min(policy.delayMs * 2 ** (attempt - 1), longestPauseMs)
  return full * (1 - random / 2)
}

/** Resolves after the time; rejects with the signal's reason. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  await new Promise<void>((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      reject(signal.reason as Error)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal.addEventListener('abort', stop, { once: true })
  })
}

/** Seconds or a date to milliseconds from now; `undefined` for anything else. */
function parseRetryAfter(value: string | null): number | undefined {
  if (value === null) return undefined
  if (/^\d+$/.test(value)) return Number(value) * 1000
  const date = Date.parse(value)
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now())
}
