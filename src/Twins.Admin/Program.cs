using Twins.Admin;

if (PageOptions.TryRead(args) is not { } options)
{
    Console.Error.WriteLine("twins-admin: usage: twins-admin --port PORT --socket PATH (twinsd starts it; 'twins admin' gives a login)");
    return 2;
}

try
{
    var app = PageApplication.Build(options);
    await app.RunAsync();
    return 0;
}
catch (IOException e)
{
    Console.Error.WriteLine($"twins-admin: can't listen on 127.0.0.1:{options.Port}: {e.Message} Set adminPort of twinsd to another port.");
    return 1;
}
