// Asks URL as fast as it answers, from many connections at once, whatever happens.
const [url] = process.argv.slice(2)
const ask = async () => {
  for (;;) {
    await fetch(url)
      .then((response) => response.text())
      .catch(() => new Promise((resolve) => setTimeout(resolve, 20)))
  }
}
for (let i = 0; i < 16; i++) void ask()
