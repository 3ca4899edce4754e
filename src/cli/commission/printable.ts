/** What another program says may hold anything: no control characters reach the terminal. */
export const printable = (text: string): string => text.replaceAll(/\p{Cc}/gu, "?");
