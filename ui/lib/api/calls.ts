import { api, unwrap } from "./client";
import type { components } from "./schema";

/** One row of the ledger. */
export type Call = components["schemas"]["SpendLog"];

interface CallsQuery {
  api_key?: string;
  request_id?: string;
  page_size?: number;
}

/** Rows of the ledger, newest first. */
export async function readCalls(query: CallsQuery, signal: AbortSignal): Promise<Call[]> {
  const rows = await unwrap(api.GET("/spend/logs", { params: { query }, signal }));
  // the same address answers with sums per day when it is asked with dates, which is not done here
  return rows.filter((row): row is Call => "request_id" in row);
}
