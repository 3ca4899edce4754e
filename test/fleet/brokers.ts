import { startMosquittos } from "./mosquitto.ts";
import { startNats } from "./nats.ts";
import type { Brokers } from "./nodes.ts";
import type { BrokerKind } from "./options.ts";
import { startRabbit } from "./rabbitmq.ts";

/** `nodes`: how many mosquittos; clusters have three. */
export const startBrokers = (kind: BrokerKind, nodes: number): Promise<Brokers> => {
  switch (kind) {
    case "mosquitto":
      return startMosquittos(nodes);
    case "nats":
      return startNats();
    case "rabbitmq":
      return startRabbit();
  }
};
