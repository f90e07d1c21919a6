// Take a screenshot of the dashboard: Grafana's own panels, a real Prometheus, a headless Chromium.
//
//   node shot.mjs --out dashboard.png [--prometheus http://127.0.0.1:9090] [--theme dark|light] [--hours 6]
//     [--end SECONDS] [--width 1600] [--rate-interval 60] [--choose operation=products.list] [--expand]
//     [--dashboard FILE] [--chromium /usr/bin/chromium]
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { createServer } from 'vite';

const here = dirname(fileURLToPath(import.meta.url));
const { values: option } = parseArgs({
  options: {
    out: { type: 'string', default: 'dashboard.png' },
    prometheus: { type: 'string', default: 'http://127.0.0.1:9090' },
    theme: { type: 'string', default: 'dark' },
    hours: { type: 'string', default: '6' },
    end: { type: 'string', default: String(Math.floor(Date.now() / 1000)) },
    width: { type: 'string', default: '1600' },
    'rate-interval': { type: 'string', default: '60' },
    expand: { type: 'boolean', default: false },
    choose: { type: 'string', multiple: true, default: [] },
    dashboard: { type: 'string', default: join(here, '../../probes/grafana/dashboards/whopwatch.json') },
    chromium: { type: 'string', default: '/usr/bin/chromium' },
  },
});

// What a headless browser needs to start as root without a network of its own.
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const dashboardJson = {
  name: 'dashboard-json',
  configureServer(server) {
    server.middlewares.use('/dashboard.json', (_, answer) => answer.end(readFileSync(resolve(option.dashboard))));
  },
};

const server = await createServer({
  root: here,
  configFile: false,
  logLevel: 'error',
  cacheDir: join(tmpdir(), 'dashboard-vite'),
  plugins: [dashboardJson],
  define: { 'process.env': {} },
  server: {
    host: '127.0.0.1',
    port: 0,
    hmr: false,
    proxy: {
      '/prometheus': { target: option.prometheus, rewrite: (path) => path.replace(/^\/prometheus/, '') },
    },
  },
});
await server.listen();
const profile = mkdtempSync(join(tmpdir(), 'dashboard-chromium-'));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: option.chromium,
  args: FLAGS,
  viewport: { width: Number(option.width), height: 900 },
});
try {
  const page = browser.pages()[0];
  page.on('pageerror', (error) => console.error(`page: ${error.stack ?? error.message}`));
  const to = Number(option.end);
  const shot = {
    from: to - Number(option.hours) * 3600,
    to,
    mode: option.theme,
    expand: option.expand,
    rateInterval: Number(option['rate-interval']),
    choices: Object.fromEntries(option.choose.map((choice) => choice.split(/=(.*)/s).slice(0, 2))),
  };
  await page.addInitScript((asked) => (window.shot = asked), shot);
  await page.goto(`http://127.0.0.1:${server.httpServer.address().port}/`);
  await page.waitForFunction(() => window.drawn || window.failed, undefined, { timeout: 300_000 });
  // Tables draw only the rows that are in view: all of them are to be.
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.setViewportSize({ width: Number(option.width), height });
  const failed = await page.evaluate(() => window.failed);
  if (failed) {
    throw new Error(failed);
  }
  await page.waitForTimeout(1500); // canvases are painted in animation frames after the first render
  await page.screenshot({ path: option.out, fullPage: true });
  console.log(option.out);
} finally {
  await browser.close();
  await server.close();
  rmSync(profile, { recursive: true, force: true });
}
