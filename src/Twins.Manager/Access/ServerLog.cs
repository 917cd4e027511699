namespace Twins.Manager.Access;

/// <summary>What of the web server's own log is shown: nothing that a caller could cause again and again; that <see cref="RefusalLog"/> has.</summary>
internal static class ServerLog
{
    public static ILoggingBuilder AddTwinsFilters(this ILoggingBuilder logging) => logging
        .AddFilter("Microsoft.AspNetCore", LogLevel.Warning)
        .AddFilter("Microsoft.AspNetCore.Server.Kestrel.Connections", LogLevel.Error) // warns of each connection above the most
        .AddFilter("Grpc", LogLevel.Error)
        .AddFilter("Grpc.AspNetCore", LogLevel.None); // an error of each message that can't be read
}
