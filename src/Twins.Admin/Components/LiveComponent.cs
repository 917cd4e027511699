using Microsoft.AspNetCore.Components;
using Twins.Admin.Node;

namespace Twins.Admin.Components;

/// <summary>A part of the page that shows itself anew with each snapshot.</summary>
public abstract class LiveComponent : ComponentBase, IDisposable
{
    [Inject]
    internal LiveState Live { get; set; } = null!;

    [Inject]
    internal NodeSession Session { get; set; } = null!;

    /// <inheritdoc/>
    public void Dispose()
    {
        Live.Changed -= OnChanged;
        Leave();
        GC.SuppressFinalize(this);
    }

    /// <inheritdoc/>
    protected override void OnInitialized() => Live.Changed += OnChanged;

    /// <summary>The visitor goes elsewhere.</summary>
    protected virtual void Leave()
    {
    }

    private void OnChanged() => _ = InvokeAsync(StateHasChanged);
}
