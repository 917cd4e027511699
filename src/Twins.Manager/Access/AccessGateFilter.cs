using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;

namespace Twins.Manager.Access;

/// <summary>Puts the gate before everything else that the server does with a request.</summary>
internal sealed class AccessGateFilter(AccessGate gate) : IStartupFilter
{
    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        app.Use(behind => context => gate.PassAsync(context, behind));
        next(app);
    };
}
