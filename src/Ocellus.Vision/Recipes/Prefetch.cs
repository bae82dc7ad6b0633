namespace Ocellus.Vision.Recipes;

/// <summary>Makes the next item in the background while the present one is used: one thread, one item ahead.</summary>
internal sealed class Prefetch<T>(Func<int, T> make)
{
    private Task<T>? _next;
    private int _index;

    /// <summary>The item; the one after it is begun if <paramref name="more"/>. Made at once if it is not the one that was begun.</summary>
    public T Take(int index, bool more)
    {
        T item;
        if (_next is { } next && _index == index)
        {
            // A dispose scope belongs to its thread, so that a training loop cannot await.
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

    /// <summary>Waits for the item under way, if there is one; what it failed with is of no interest any more.</summary>
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
