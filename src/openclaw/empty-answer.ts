import { shortId } from './short-id.ts'
import type { Line } from './transcript-line.ts'

/** A brother of the first words, as the gateway writes what no model said (dist/chat-*.js): nobody's parent. */
export function emptyAnswer(
  { id: words, parentId, timestamp }: Line & { is: 'entry' },
  ids: { has(id: string): boolean },
  otherwise: string,
): string {
  let index = 0
  while (ids.has(shortId(words, index))) index++
  const at = timestamp ?? otherwise
  const none = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 }
  return `${JSON.stringify({
    type: 'message',
    id: shortId(words, index),
    parentId: parentId !== undefined && ids.has(parentId) ? parentId : null,
    timestamp: at,
    message: {
      role: 'assistant',
      content: [],
      timestamp: Date.parse(at) || 0,
      stopReason: 'aborted',
      usage: { ...none, totalTokens: 0, cost: { ...none, total: 0 } },
      api: 'openai-responses',
      provider: 'openclaw',
      model: 'gateway-injected',
    },
  })}\n`
}
