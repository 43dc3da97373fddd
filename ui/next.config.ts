import type { NextConfig } from "next";
import { PHASE_DEVELOPMENT_SERVER } from "next/constants";

/** Where `npm run dev` sends everything that is not a page: a running Bulkhead (or `npm run mock`). */
const DEV_SERVER = process.env.BULKHEAD_URL ?? "http://127.0.0.1:4000";

/**
 * Stands in the export where the path prefix goes, `""` for none: `bulkhead` and the nginx of the image put it there as they serve
 * (crates/app/src/dashboard.rs, deploy/docker/ui.conf).
 */
const PREFIX_MARK = "/__bulkhead_prefix__";

export default function config(phase: string): NextConfig {
  const shared: NextConfig = {
    trailingSlash: true,
    reactStrictMode: true,
    poweredByHeader: false,
    devIndicators: false,
    images: { unoptimized: true },
    experimental: { cpus: 1, optimizePackageImports: ["radix-ui", "recharts"] },
  };
  if (phase !== PHASE_DEVELOPMENT_SERVER) {
    return { ...shared, output: "export", basePath: PREFIX_MARK, env: { PREFIX: PREFIX_MARK } };
  }
  return {
    ...shared,
    skipTrailingSlashRedirect: true,
    rewrites: async () => ({
      beforeFiles: [],
      afterFiles: [],
      fallback: [{ source: "/:path*", destination: `${DEV_SERVER}/:path*` }],
    }),
  };
}
