namespace Ocellus.Identity;

/// <summary>Finds the secret that belongs to an access key id.</summary>
internal interface IKeySource
{
    /// <summary>The key, or null when it is unknown.</summary>
    AccessKey? Find(string accessKeyId);
}
