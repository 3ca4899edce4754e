/** Whether a topic matches a filter: MQTT 5 §4.7. */
export const matches = (filter: string, topic: string): boolean => {
  const levels = topic.split("/");
  const parts = filter.split("/");
  for (const [i, part] of parts.entries()) {
    if (part === "#") return true;
    if (i >= levels.length || (part !== "+" && part !== levels[i])) return false;
  }
  return parts.length === levels.length;
};

export const hasWildcard = (filter: string): boolean => /[+#]/.test(filter);

/** The episode of `…/emergency/{episode}`; undefined for any other topic, `…/ack` among them. */
export const episodeOf = (topic: string): string | undefined => /\/emergency\/([^/]+)$/.exec(topic)?.[1];
