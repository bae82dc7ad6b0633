namespace Ocellus.Vision.Recipes;

/// <summary>Makes the next item in the background while the current one is used: one thread, one item ahead.</summary>
internal sealed class Prefetch<T>(Func<int, T> make)
{
    private Task<T>? _next;
    private int _index;

    /// <summary>Returns the item and starts the next one if there are <paramref name="more"/>. An item that was not started is made on the spot.</summary>
    public T Take(int index, bool more)
    {
        T item;
        if (_next is { } next && _index == index)
        {
            // A dispose scope belongs to its thread, so a training loop cannot await.
            item = next.GetAwaiter().GetResult();
        }
        else
        {
            Stop();
            item = make(index);
        }

        _index = index + 1;
        _next = more ? Task.Run(() => make(index + 1)) : null;
        return item;
    }

    /// <summary>Waits for the item being made, if any, and ignores its failure.</summary>
    public void Stop()
    {
        if (_next is { } next)
        {
            Task.WaitAny([next]);
            _ = next.Exception;
            _next = null;
        }
    }
}
