// Answers every question with 200 and a page: alive to a careless eye, never ready.
import { createServer } from 'node:http'
import { port, stopOn } from './endpoints.mjs'
stopOn('SIGTERM', 'SIGINT')
createServer((_, response) =>
  response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html>'),
).listen(port, '127.0.0.1')
