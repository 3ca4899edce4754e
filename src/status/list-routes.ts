import { bodyOf, isJson, json, plain, type Exchange, type Route, type Routes } from "../runtime/http.ts";

/** The commissioning list of the page: `/commissioning/list`, and the kept reports to print. */

/** Why an order is refused. `code`: the page has words for it; `reason`: a sentence. */
export type Refusal = {
  readonly status: 400 | 403 | 404 | 409;
  readonly code: "no-root" | "no-identity" | "open" | "elsewhere" | "no-list" | "not-local" | "failed";
  readonly reason: string;
};

export type ListActions = {
  /** `POST /commissioning/list`: opens a list. `order`: the body as JSON; undefined: it is none, or too long. */
  readonly begin: (order: unknown) => Promise<Refusal | undefined>;
  /** `POST /commissioning/list/step`. `local`: asked for on this machine; nobody else may arm a drill. */
  readonly step: (order: unknown, local: boolean) => Refusal | undefined;
  /** `DELETE /commissioning/list`: leaves the list without a report, or closes the result. */
  readonly leave: () => Refusal | undefined;
  /** `GET /commissioning/NUMBER.html`: a kept report to print. Undefined: there is none with this number. */
  readonly page: (number: number) => Promise<Buffer | undefined>;
};

/** A reason has at most 500 letters, a technician's name 80. */
const ORDER_BYTES = 4_096;
const PAGE = /^\/commissioning\/(\d{1,6})\.html$/;

const order =
  (perform: (exchange: Exchange) => Promise<Refusal | undefined>): Route =>
  async (exchange) => {
    const { request, response } = exchange;
    if (!isJson(request)) {
      plain(response, 415, "expected content-type: application/json");
      return;
    }
    const refused = await perform(exchange);
    if (!refused) {
      response.writeHead(204).end();
      return;
    }
    const { status, code, reason } = refused;
    json(response, status, { code, reason });
  };

/** A report carries its own policy, which allows its own style by hash. This one is for what else could be in the file. */
const POLICY =
  "script-src 'none'; connect-src 'none'; img-src 'none'; frame-src 'none'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox";

export const listRoutes = (on: ListActions): Routes => ({
  "POST /commissioning/list": order(async ({ request }) => on.begin(await bodyOf(request, ORDER_BYTES))),
  "POST /commissioning/list/step": order(async ({ request, local }) =>
    on.step(await bodyOf(request, ORDER_BYTES), local),
  ),
  "DELETE /commissioning/list": order(() => Promise.resolve(on.leave())),
  "GET /commissioning/*": async ({ path, response }) => {
    const number = PAGE.exec(path)?.[1];
    const page = number === undefined ? undefined : await on.page(Number(number));
    if (!page) {
      plain(response, 404, "there is no such report");
      return;
    }
    const headers = { "content-type": "text/html; charset=utf-8", "content-length": page.length };
    response.writeHead(200, { ...headers, "content-security-policy": POLICY }).end(page);
  },
});
