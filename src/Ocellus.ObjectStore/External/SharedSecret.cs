using System.Security.Cryptography;
using System.Text;
using Dapper;
using Ocellus.Identity;
using Ocellus.Storage;

namespace Ocellus.Objects.External;

/// <summary>
/// Brings the key that encrypts secrets to each server on one database. It is in the store and not in the database: who has a copy of the database alone has no
/// secrets.
/// </summary>
internal static class SharedSecret
{
    /// <summary>Makes the data directory's key that of the store. The first server puts its own there.</summary>
    /// <exception cref="InvalidOperationException">The store cannot be reached, and the key is not here.</exception>
    public static async Task BringAsync(DataDirectory data, ExternalFolders folders, CancellationToken cancel)
    {
        await using var alone = await data.Database.LockAsync("secret key", cancel);
        var file = Path.Combine(data.Path, SecretBox.FileName);
        var own = File.Exists(file) ? await File.ReadAllBytesAsync(file, cancel) : null;
        try
        {
            if (await folders.ReadAsync(SecretBox.FileName, cancel) is { } shared)
            {
                if (own is null || !shared.AsSpan().SequenceEqual(own))
                {
                    FileSystem.WritePrivate(file, shared, overwrite: true);
                }

                return;
            }

            await using var connection = await data.ConnectAsync(cancel);
            if (own is null && await connection.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM access_keys") == 0)
            {
                own = Encoding.ASCII.GetBytes(SecretBox.NewKey());
            }

            // Without one, and with secrets that need it: opening the box says what to do.
            if (own is not null)
            {
                await folders.WriteAsync(SecretBox.FileName, own, cancel);
                FileSystem.WritePrivate(file, own, overwrite: true);
            }
        }
        catch (IOException failure)
        {
            if (own is null)
            {
                throw new InvalidOperationException($"The key that encrypts secrets cannot be fetched. {failure.Message}", failure);
            }
        }
        finally
        {
            CryptographicOperations.ZeroMemory(own);
        }
    }
}
