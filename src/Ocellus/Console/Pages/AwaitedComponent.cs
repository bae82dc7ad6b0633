using Microsoft.AspNetCore.Components;

namespace Ocellus.Console.Pages;

/// <summary>
/// A component that is rendered when it has read what it shows. The framework's own base renders a first time before, for browsers that see the rest later;
/// here a page is rendered once, and what it has not read yet is null.
/// </summary>
public abstract class AwaitedComponent : ComponentBase
{
    private bool _isInitialized;

    /// <inheritdoc/>
    public override async Task SetParametersAsync(ParameterView parameters)
    {
        // Before anything is awaited: the view is valid for no longer.
        parameters.SetParameterProperties(this);
        if (!_isInitialized)
        {
            _isInitialized = true;
            OnInitialized();
            await OnInitializedAsync();
        }

        OnParametersSet();
        await OnParametersSetAsync();
        StateHasChanged();
    }
}
