// A server and a client in one program; the last line says what came back.
const http = require('http');
const server = http.createServer((request, response) => response.end(`hello ${request.url}\n`));
server.listen(7191, '127.0.0.1', () => {
  http.get({ host: '127.0.0.1', port: 7191, path: '/twins', agent: false }, response => {
    response.setEncoding('utf8');
    response.on('data', text => process.stdout.write(text));
    response.on('end', () => server.close());
  });
});
