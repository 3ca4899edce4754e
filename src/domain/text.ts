/**
 * Texts that every store of dispatch can keep. PostgreSQL's jsonb takes neither U+0000 nor half of a surrogate pair (section
 * 8.14 of its manual). Pure.
 */

export const isKeepable = (text: string): boolean => text.isWellFormed() && !text.includes("\0");

/** The text with U+FFFD in place of what no store keeps. */
export const keepable = (text: string): string => text.replaceAll("\0", "\uFFFD").toWellFormed();
