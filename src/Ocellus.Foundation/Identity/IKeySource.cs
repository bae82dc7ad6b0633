namespace Ocellus.Identity;

/// <summary>Finds the secret that belongs to an access key id.</summary>
internal interface IKeySource
{
    /// <summary>The key; null if it is unknown.</summary>
    AccessKey? Find(string accessKeyId);
}
