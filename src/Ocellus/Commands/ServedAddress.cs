using System.Text;
using Ocellus.Storage;

namespace Ocellus.Commands;

/// <summary>
/// Where clients reach the server of a data directory: the file <c>url</c> in it, for as long as the server runs. A server that was killed leaves it;
/// it counts for nothing then, for the directory is not held.
/// </summary>
internal static class ServedAddress
{
    /// <summary>The address of the server that holds a data directory now; null if none does, or if it is not known.</summary>
    public static string? Read(string data)
    {
        try
        {
            // The file first: to ask who holds the folder takes its lock for a moment, which would be in the way of a server that is just starting.
            return File.Exists(FileOf(data)) && File.ReadAllText(FileOf(data)).Trim() is { Length: > 0 } url && DataDirectory.IsHeld(data) ? url : null;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Writes the address down until the server has stopped.</summary>
    public static void Publish(WebApplication app, DataDirectory data)
    {
        try
        {
            // Renamed into place: who reads it reads all of it.
            FileSystem.WritePrivate(FileOf(data.Path), Encoding.UTF8.GetBytes(ForClients(app.Urls) + "\n"), overwrite: true);
            app.Lifetime.ApplicationStopped.Register(() => Forget(data));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // A full disk: the server serves all the same, and `env` takes --url.
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
            // What is left behind counts only while a server holds the folder, and that writes its own.
        }
    }

    /// <summary>
    /// The address among those listened on that a client on this machine should use: one of loopback first; "every address" is none to connect to.
    /// </summary>
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
