import { answerTopic, decide, done, recall, type Decision, type Reply } from "../commands/commands.ts";
import type { Incoming } from "../dispatch/port.ts";
import type { CommandMemory, HeldCommand } from "../domain/memory.ts";
import type { CommandMessage } from "../domain/messages.ts";
import type { EventData } from "../domain/report.ts";
import type { Clock } from "../domain/time.ts";
import type { Route, Routes } from "../domain/wire.ts";
import type { Outbox } from "../outbox/outbox.ts";
import { reasonOf, type Log } from "../runtime/log.ts";
import type { Time } from "../runtime/ports.ts";
import { readJson } from "../wire/read.ts";
import { secured } from "./secured.ts";

export type CommandOptions = {
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly time: Time;
  readonly log: Log;
  readonly routes: Routes;
  readonly event: (data: EventData) => void;
  readonly reply: (route: Route, payload: Buffer) => void;
  /** Whether a broker is connected, so that an answer can be sent. */
  readonly connected: () => boolean;
  /**
   * The kinds of commands. Each function runs at once, and returns an error text if the command cannot be
   * run.
   */
  readonly kinds: Readonly<Record<string, (command: CommandMessage) => string | undefined>>;
};

const COMMAND_BYTES = 16_384;

const asHeld = ({ payload, responseTopic, correlationData }: Incoming): HeldCommand => ({
  payload: payload.toString("base64"),
  ...(responseTopic === undefined ? {} : { responseTopic }),
  ...(correlationData === undefined ? {} : { correlation: correlationData.toString("base64") }),
});

/** Performs the decisions about commands: runs them, remembers them, answers them. */
export class CommandPart {
  readonly #options: CommandOptions;
  /** The waiting commands are being decided. */
  #judging = false;

  constructor(options: CommandOptions) {
    this.#options = options;
  }

  /**
   * Decides about a command. Resolves when the outcome is on disk. If the command must wait for the time,
   * resolves when the command itself is on disk. Also resolves if the disk does not answer.
   */
  receive(message: Incoming): Promise<void> {
    return this.#decide(asHeld(message), message.payload);
  }

  /**
   * A newer memory than that with which the unit began was found: what was run in it is not run again, and what waits in
   * it goes on waiting.
   */
  recall(newer: CommandMemory): void {
    const { outbox } = this.#options;
    outbox.remember({ commands: recall(outbox.memory.commands, newer) });
  }

  /** Decides about the commands that wait for the time, oldest first, once the time is known. */
  tick(): void {
    const { outbox, clock, connected, log } = this.#options;
    const { held } = outbox.memory.commands;
    if (this.#judging || held.length === 0 || clock.now().clock === "unset" || !connected()) return;
    this.#judging = true;
    void this.#judge(held)
      .catch((cause: unknown) =>
        log.error("the waiting commands cannot be decided", { cause: reasonOf(cause) }),
      )
      .finally(() => {
        this.#judging = false;
      });
  }

  async #judge(held: readonly HeldCommand[]): Promise<void> {
    for (const one of held) {
      // oxlint-disable-next-line no-await-in-loop -- in the order in which they were received
      await this.#decide(one, Buffer.from(one.payload, "base64"));
    }
  }

  async #decide(held: HeldCommand, payload: Buffer): Promise<void> {
    const { outbox, clock, kinds, log } = this.#options;
    const asked = { value: readJson(payload, COMMAND_BYTES), held };
    const decision = decide(outbox.memory.commands, asked, Object.keys(kinds), clock.now());
    if (decision.kind === "hold") {
      outbox.remember({ commands: decision.memory });
      log.info("a command waits until the time is known", { id: decision.id });
      await this.#secured(decision.id);
      return;
    }
    if (decision.kind === "answer") {
      await this.#answer(decision, held);
      return;
    }
    const { command } = decision;
    outbox.remember({ commands: decision.memory });
    const error = this.#run(command);
    await this.#answer(done(outbox.memory.commands, command, error, clock.now()), held);
  }

  /** A command that fails is answered too, so that dispatch does not send it for ever. */
  #run(command: CommandMessage): string | undefined {
    const { kinds, log } = this.#options;
    try {
      return kinds[command.kind]?.(command);
    } catch (cause) {
      log.error("a command failed", { id: command.id, kind: command.kind, cause: reasonOf(cause) });
      return `it failed: ${reasonOf(cause)}`;
    }
  }

  async #answer({ memory, reply, news }: Decision & { kind: "answer" }, held: HeldCommand): Promise<void> {
    const { outbox, event, log } = this.#options;
    outbox.remember({ commands: memory });
    if (news) {
      const { id, ok, error } = reply;
      event({
        type: "command",
        ...news,
        ...(id === "" ? {} : { id }),
        ok,
        ...(error === undefined ? {} : { error }),
      });
      log.info(reply.ok ? "a command was run" : `a command was refused: ${error}`, { ...news, id });
    }
    await this.#secured(reply.id);
    this.#send(reply, held);
  }

  async #secured(id: string): Promise<void> {
    const { outbox, time, log } = this.#options;
    await secured(outbox, time, (cause) => log.error("a command cannot be remembered", { id, cause }));
  }

  #send(reply: Reply, { responseTopic, correlation }: HeldCommand): void {
    const { routes } = this.#options;
    const topic = answerTopic(responseTopic, routes.reply.topic, (one) => routes.owns(one));
    const correlationData = correlation === undefined ? undefined : Buffer.from(correlation, "base64");
    this.#options.reply(
      { ...routes.reply, topic, ...(correlationData ? { correlationData } : {}) },
      Buffer.from(JSON.stringify(reply)),
    );
  }
}
