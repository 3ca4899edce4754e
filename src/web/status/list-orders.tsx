import { useState } from "preact/hooks";
import { Marked } from "./parts.tsx";
import { order, refusalIn } from "./source.ts";
import { useWords } from "./words.ts";

export const own = (texts: Readonly<Record<string, string>>, key: string): string | undefined =>
  Object.hasOwn(texts, key) ? texts[key] : undefined;

/** Orders of the list, and why the last one was refused. */
export const useOrders = () => {
  const { commission, panic } = useWords();
  const [refused, setRefused] = useState<string>();
  const give = async (method: "POST" | "DELETE", path: string, body?: object): Promise<void> =>
    setRefused(await order(method, `/commissioning/list${path}`, body));
  const { code = "", reason = panic.failed } = refused === undefined ? {} : refusalIn(refused);
  const why = own(commission.refused, code);
  const alert = (
    <p role="alert" class={refused === undefined ? "unseen" : "refusal"}>
      {refused !== undefined && (why === undefined ? reason : <Marked text={why} />)}
    </p>
  );
  return { give, alert };
};
