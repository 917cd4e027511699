// node file_server.js DIRECTORY PORT: serves the files of a directory over HTTP.
'use strict';
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');

http.createServer((request, response) => {
  const file = path.join(process.argv[2], path.basename(request.url));
  response.writeHead(200, { 'Content-Length': fs.statSync(file).size });
  fs.createReadStream(file).pipe(response);
}).listen(Number(process.argv[3]), '0.0.0.0', () => console.log('ready'));
