import { AVRUSART, CPU, usart0Config } from "avr8js";
import { expect, test } from "vitest";
import { Receiver } from "../../../firmware-bridge/simulator/receiver.ts";

const { UCSRA, UCSRB, UBRRL, UDR } = usart0Config;
const ENABLED = 0x10;
const INTERRUPT = 0x80;
const RECEIVED = 0x80;
const OVERRUN = 0x08;
/** At UBRR 0, without double speed. */
const BYTE_CYCLES = 160;

const openReceiver = () => {
  const cpu = new CPU(new Uint16Array(64), 2048);
  const usart = new AVRUSART(cpu, usart0Config, 16_000_000);
  const line: number[] = [];
  const receiver = new Receiver(cpu, usart, line);
  cpu.writeData(UBRRL, 0);
  cpu.writeData(UCSRB, ENABLED);
  return {
    cpu,
    send(...bytes: number[]) {
      line.push(...bytes);
      receiver.feed();
    },
    /** Lets as many bytes arrive as fit into this time. */
    pass(bytes: number) {
      const end = cpu.cycles + bytes * BYTE_CYCLES;
      while (cpu.cycles < end) {
        cpu.cycles++;
        cpu.tick();
      }
    },
    isReceived: () => (cpu.data[UCSRA]! & RECEIVED) !== 0,
    hasOverrun: () => (cpu.data[UCSRA]! & OVERRUN) !== 0,
    read: () => cpu.readData(UDR),
  };
};

test("a byte arrives after its time on the line", () => {
  const line = openReceiver();
  line.send(1);
  line.pass(0.9);
  expect(line.isReceived()).toBe(false);
  line.pass(0.1);
  expect(line.isReceived()).toBe(true);
  expect(line.read()).toBe(1);
  expect(line.isReceived()).toBe(false);
});

test("two bytes wait in the buffer and a third in the shift register; the fourth overwrites the third", () => {
  const three = openReceiver();
  three.send(1, 2, 3);
  three.pass(3);
  expect([three.read(), three.read(), three.read()]).toEqual([1, 2, 3]);
  expect(three.isReceived()).toBe(false);
  const four = openReceiver();
  four.send(1, 2, 3, 4);
  four.pass(4);
  expect(four.hasOverrun()).toBe(true);
  expect([four.read(), four.read(), four.read()]).toEqual([1, 2, 4]);
  expect(four.hasOverrun()).toBe(false);
});

test("writing the control register loses no byte", () => {
  const line = openReceiver();
  line.send(1, 2);
  line.pass(2);
  line.cpu.writeData(UCSRB, ENABLED | INTERRUPT);
  line.cpu.writeData(UCSRB, ENABLED);
  expect([line.read(), line.read()]).toEqual([1, 2]);
});

test("bytes are lost while the receiver is off, and when it is switched off", () => {
  const line = openReceiver();
  line.send(1, 2);
  line.pass(2);
  line.cpu.writeData(UCSRB, 0);
  line.send(3);
  line.pass(3);
  line.cpu.writeData(UCSRB, ENABLED);
  expect(line.isReceived()).toBe(false);
  line.send(4);
  line.pass(1);
  expect(line.read()).toBe(4);
});
