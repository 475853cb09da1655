import { chromium } from 'playwright-core';
const [,, url, out] = process.argv;
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--headless','--no-sandbox','--disable-gpu','--disable-quic','--no-first-run','--disable-background-networking','--disable-component-update','--disable-sync'] });
for (const [w,h] of [[400,850],[1280,900],[2560,1440]]) for (const scheme of ['light','dark']) {
  const page = await browser.newPage({ viewport: {width:w,height:h}, colorScheme: scheme });
  page.on('console', m => console.log(w, scheme, m.type(), m.text()));
  page.on('pageerror', e => console.log('ERR', e.message));
  await page.goto(url);
  await page.waitForSelector('.chart canvas', {timeout: 20000});
  await page.waitForTimeout(5000);
  await page.screenshot({ path: `${out}/${w}-${scheme}.png`, fullPage: true });
  await page.close();
}
await browser.close();
