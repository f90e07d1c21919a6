// What the tests share: the simulator's lists, signed deliveries, and what the code under test prints.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const { WHOP_BASE_URL, WHOP_API_KEY, WHOP_COMPANY_ID, WHOP_API_VERSION_DATE } = process.env as Record<string, string>;
export const company = WHOP_COMPANY_ID;
export const isOld = WHOP_API_VERSION_DATE === "2025-01-01";
export const LIVE = "https://api.whop.com/api/v1";

export async function rows(resource: string): Promise<any[]> {
  const address = `${WHOP_BASE_URL}/${resource}?${isOld ? "company_id" : "account_id"}=${company}`;
  const response = await fetch(address, { headers: { Authorization: `Bearer ${WHOP_API_KEY}` } });
  return ((await response.json()) as any).data;
}

export function deliveries(...events: string[]): { headers: Record<string, string>; body: string }[] {
  const script = fileURLToPath(new URL("deliveries.py", import.meta.url));
  return JSON.parse(execFileSync(process.env.PYTHON ?? "python", [script, ...events], { encoding: "utf8" }));
}

export const payload = (delivery: { body: string }) => JSON.parse(delivery.body).data;

export async function printed(run: () => unknown): Promise<string[]> {
  const lines: string[] = [];
  const log = console.log;
  console.log = (...parts: unknown[]) => void lines.push(parts.map(String).join(" "));
  try {
    await run();
  } finally {
    console.log = log;
  }
  return lines;
}

// Requests to the live address go to the simulator.
export function redirectFetch() {
  const real = globalThis.fetch;
  globalThis.fetch = (input: any, init?: any) => real(String(input).replace(LIVE, WHOP_BASE_URL), init);
}
