// node _peer.js LIBRARY PORT FOLDER NUMBER CONNECTIONS: nodemailer, pooled, composing each mail from FOLDER/mail.html and mail.txt.
const fs = require("fs");
const [library, port, folder, number, connections] = process.argv.slice(2);
const nodemailer = require(library);
const html = fs.readFileSync(`${folder}/mail.html`, "utf8"), text = fs.readFileSync(`${folder}/mail.txt`, "utf8");
const transport = nodemailer.createTransport({
  host: "127.0.0.1", port: +port, pool: true, maxConnections: +connections, maxMessages: Infinity, secure: false, ignoreTLS: true,
});
let next = 0;
async function work() {
  while (next < +number) {
    const each = next++;
    await transport.sendMail({
      from: "Harbour Town <news@example.org>", to: `Reader ${each} <reader${each}@list.example.com>`, subject: "Harbour Town",
      html: html.replace("Reader 0000000", `Reader ${each}`), text, textEncoding: "quoted-printable",
      headers: { "List-Unsubscribe": `<http://127.0.0.1/unsubscribe/${each}>` },
    });
  }
}
(async () => {
  const began = process.hrtime.bigint(), worked = process.cpuUsage();
  await Promise.all(Array.from({ length: +connections }, work));
  const seconds = Number(process.hrtime.bigint() - began) / 1e9, cpu = process.cpuUsage(worked);
  console.log(JSON.stringify({ number: +number, seconds, cpu_s: (cpu.user + cpu.system) / 1e6 }));
  transport.close();
})();
