/**
 * Text of others, made fit for one line of a terminal: names of files, command lines and log fields may hold
 * escape sequences, line breaks, or marks that turn the reading direction, and would speak in our name.
 */

// C0, DEL, C1, line and paragraph separators, marks of direction, zero-width and byte-order marks, lone surrogates.
const unprintable =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g

const escape = (char: string): string => {
  const code = char.charCodeAt(0)
  if (char === '\n') return '\\n'
  if (char === '\r') return '\\r'
  if (char === '\t') return '\\t'
  return code < 0x100
    ? `\\x${code.toString(16).padStart(2, '0')}`
    : `\\u${code.toString(16).padStart(4, '0')}`
}

/** At most `limit` characters of the text before escaping; what was cut is said by an ellipsis. */
export const printable = (text: string, limit = 4096): string =>
  (text.length > limit ? `${text.slice(0, limit)}…` : text).replace(unprintable, escape)
