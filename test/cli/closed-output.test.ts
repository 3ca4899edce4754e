import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";

// An armed drill makes the next press a drill, also a real one.
test("a drill whose output is closed is disarmed, and fails", async () => {
  const asked: string[] = [];
  let drillArmed = false;
  const server = createServer(({ method }, response) => {
    if (method !== "GET") asked.push(String(method));
    if (method !== "GET") drillArmed = method === "POST";
    const snapshot = {
      boot: 1,
      panicBoard: { connected: true },
      emergency: { drillArmed, lamp: "idle", episodes: [] },
    };
    response.setHeader("content-type", "application/json");
    response.writeHead(method === "GET" ? 200 : 204).end(method === "GET" ? JSON.stringify(snapshot) : "");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  try {
    const child = spawn(process.execPath, ["src/main.ts", "drill", "--address", `127.0.0.1:${port}`]);
    child.stdout.destroy();
    const [code] = await once(child, "exit");
    expect([code, asked, drillArmed]).toEqual([1, ["POST", "DELETE"], false]);
  } finally {
    server.close();
  }
});
