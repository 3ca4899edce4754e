import { LinkError, type Connection, type Incoming } from "../../src/dispatch/port.ts";
import { Broker, FULL_LIMITS, type BrokerLimits } from "./broker.ts";
import type { What } from "./facts.ts";
import { Network } from "./network.ts";
import { SimulatedTime } from "./time.ts";

const URL = "mqtts://a:8883";
export const ROOT = "patrol/v1/zrenjanin/zr-117";

export const openHarness = (limits: Partial<BrokerLimits> = {}, addresses = [true]) => {
  const time = new SimulatedTime(0);
  const facts: What[] = [];
  const observe = (what: What) => void facts.push(what);
  const broker = new Broker("a", { ...FULL_LIMITS, ...limits }, time, observe);
  const network = new Network(time, observe);
  const route = network.add(URL, broker, addresses);
  const incoming: Incoming[] = [];
  const oversize: number[] = [];
  let accepts = true;
  const dial = (clientId = "zrenjanin.zr-117", will = true) => {
    const options = {
      clientId,
      username: "zrenjanin/zr-117",
      keepaliveS: 20,
      ...(will ? { will: { topic: `${ROOT}/state`, payload: Buffer.from("offline") } } : {}),
    };
    const on = {
      async message(message: Incoming) {
        incoming.push(message);
        if (!accepts) throw new Error("no disk");
      },
      accepted: () => undefined,
      oversize: (_topic: string, bytes: number) => void oversize.push(bytes),
    };
    return network.connect(URL, options, on, new AbortController().signal);
  };
  const settle = async <T>(promise: Promise<T>, withinMs = 30_000): Promise<T> => {
    let over = false;
    promise.then(
      () => (over = true),
      () => (over = true),
    );
    await time.run(time.mono() + withinMs, () => over);
    return promise;
  };
  const publish = (connection: Connection, topic: string, payload = "x", retain = false): number[] => {
    const codes: number[] = [];
    connection.publish({ topic: `${ROOT}/${topic}`, retain }, Buffer.from(payload), (code) =>
      codes.push(code),
    );
    return codes;
  };
  return {
    time,
    facts,
    broker,
    network,
    route,
    incoming,
    oversize,
    dial,
    publish,
    connect: () => settle(dial()),
    wait: (ms: number) => time.run(time.mono() + ms),
    settle,
    reject: () => (accepts = false),
    accept: () => (accepts = true),
  };
};

export const reasonOf = async (connection: Connection): Promise<LinkError["code"]> =>
  (await connection.closed).code;
