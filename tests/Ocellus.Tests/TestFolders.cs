namespace Ocellus.Tests;

/// <summary>Folders of tests.</summary>
internal static class TestFolders
{
    private const int DeletionsMax = 100;

    /// <summary>Removes a data directory, if it is there. What works in the background may write its last file a moment after the server has ended.</summary>
    public static async Task RemoveAsync(string folder)
    {
        for (var left = DeletionsMax; Directory.Exists(folder); left--)
        {
            try
            {
                Directory.Delete(folder, recursive: true);
            }
            catch (IOException) when (left > 0)
            {
                await Task.Delay(50, CancellationToken.None);
            }
        }
    }
}
