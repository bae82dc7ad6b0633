using Amazon.Runtime;

namespace Ocellus.Transfer;

/// <summary>A server with the API of Custom Labels and an object store, and the key for it.</summary>
/// <param name="Name">For a person: an address, or AWS and the region.</param>
/// <param name="Api">Address of the API.</param>
/// <param name="Store">Address of the object store, which takes buckets in the path.</param>
/// <param name="Region">Region to sign for.</param>
/// <param name="Credentials">Where keys come from; temporary ones are renewed there.</param>
/// <param name="IsAws">Whether this is AWS itself, or stands for it.</param>
internal sealed record ServiceEndpoint(string Name, Uri Api, Uri Store, string Region, AWSCredentials Credentials, bool IsAws = false);
