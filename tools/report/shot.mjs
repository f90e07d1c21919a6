// Take a picture of a report: the page as a file, a headless Chromium, no network.
//
//   node shot.mjs REPORT.html OUT.png [--theme light|dark] [--width 1200] [--height 0] [--open 0] [--chromium FILE]
//
// --height 0 is the whole page; --open N unfolds the first N findings. Needs `npm ci` in tools/dashboard.
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { pathToFileURL } from 'node:url';

const { chromium } = createRequire(new URL('../dashboard/package.json', import.meta.url))('playwright-core');
const { values: option, positionals: [file, out] } = parseArgs({
  allowPositionals: true,
  options: {
    theme: { type: 'string', default: 'light' },
    width: { type: 'string', default: '1200' },
    height: { type: 'string', default: '0' },
    open: { type: 'string', default: '0' },
    chromium: { type: 'string', default: '/usr/bin/chromium' },
  },
});

const browser = await chromium.launch({
  executablePath: option.chromium,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
});
try {
  const height = Number(option.height);
  const context = await browser.newContext({
    colorScheme: option.theme,
    viewport: { width: Number(option.width), height: height || 900 },
  });
  const page = await context.newPage();
  const problems = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
  page.on('request', (request) => request.url().startsWith('http') && problems.push(`asked for ${request.url()}`));
  const start = performance.now();
  await page.goto(pathToFileURL(resolve(file)).href);
  const seconds = (performance.now() - start) / 1000;
  await page.evaluate((count) => {
    document.querySelectorAll('.finding').forEach((finding, place) => { finding.open = place < count; });
    document.body.classList.remove('many'); // what is not on the screen is not drawn, and has to be here
  }, Number(option.open));
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  if (wide > Number(option.width)) problems.push(`the page is ${wide} pixels wide`);
  await page.screenshot({ path: out, fullPage: !height });
  console.log(`${out}: loaded in ${seconds.toFixed(2)} s`);
  if (problems.length) throw new Error(problems.join('\n'));
} finally {
  await browser.close();
}
