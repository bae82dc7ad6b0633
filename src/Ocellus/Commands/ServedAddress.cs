using System.Text;
using Ocellus.Storage;

namespace Ocellus.Commands;

/// <summary>
/// The address of a data directory's server: the file <c>url</c> in it, while the server runs. A killed server leaves the file; it is then ignored, because the
/// directory is not held.
/// </summary>
internal static class ServedAddress
{
    /// <summary>The address of the server that holds a data directory now; null if none does, or if it is not known.</summary>
    public static string? Read(string data)
    {
        try
        {
            // The file first: checking whether the folder is held takes its lock briefly, which could stop a server from starting.
            return File.Exists(FileOf(data)) && File.ReadAllText(FileOf(data)).Trim() is { Length: > 0 } url && DataDirectory.IsHeld(data) ? url : null;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Publishes the address until the server has stopped.</summary>
    public static void Publish(WebApplication app, DataDirectory data)
    {
        try
        {
            // Renamed into place, so that readers never see part of it.
            FileSystem.WritePrivate(FileOf(data.Path), Encoding.UTF8.GetBytes(ForClients(app.Urls) + "\n"), overwrite: true);
            app.Lifetime.ApplicationStopped.Register(() => Forget(data));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // A full disk, say: the server still works, and `env` takes --url.
        }
    }

    /// <summary>Removes what an earlier server left.</summary>
    public static void Forget(DataDirectory data)
    {
        try
        {
            File.Delete(FileOf(data.Path));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // A leftover counts only while a server holds the folder, and that server writes its own.
        }
    }

    /// <summary>The listening address that a client on this machine should use: loopback first, and loopback in place of "every address".</summary>
    internal static string ForClients(IEnumerable<string> urls)
    {
        var all = urls.ToList();
        var address = BindingAddress.Parse(all.Find(ServeCommand.IsLoopback) ?? all[0]);
        var host = address.Host.Trim('[', ']') switch
        {
            "0.0.0.0" or "*" or "+" => "127.0.0.1",
            "::" => "[::1]",
            _ => address.Host,
        };
        return $"{address.Scheme}://{host}:{address.Port}";
    }

    private static string FileOf(string data) => Path.Combine(data, "url");
}
