using Ocellus.Wire;

namespace Ocellus.Objects.Files;

/// <summary>Reads several files as one stream.</summary>
internal sealed class JoinedStream(string[] files) : ForwardStream
{
    private FileStream? _current;
    private int _next;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            if (_current is not null)
            {
                var read = await _current.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
                if (read > 0)
                {
                    return read;
                }

                await _current.DisposeAsync().ConfigureAwait(false);
                _current = null;
            }

            if (_next == files.Length)
            {
                return 0;
            }

            _current = new FileStream(files[_next++], FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 1, FileOptions.Asynchronous);
        }
    }

    protected override void Dispose(bool disposing)
    {
        _current?.Dispose();
        base.Dispose(disposing);
    }
}
