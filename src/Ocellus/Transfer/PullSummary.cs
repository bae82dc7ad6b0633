using System.Text.Json.Nodes;

namespace Ocellus.Transfer;

/// <summary>What of a dataset came over.</summary>
/// <param name="Type">TRAIN or TEST.</param>
/// <param name="Arn">The dataset here.</param>
internal sealed record PulledDataset(string Type, string Arn)
{
    /// <summary>Entries of the source.</summary>
    public int Entries { get; set; }

    /// <summary>Entries that were added or replaced here.</summary>
    public int Written { get; set; }

    /// <summary>Entries that are here with other labels and were left as they are.</summary>
    public int Differing { get; set; }

    /// <summary>Entries whose picture did not come; they were left out.</summary>
    public int WithoutPicture { get; set; }

    /// <summary>Entries in whose picture's place another object is here; both were left as they are.</summary>
    public int Taken { get; set; }

    /// <summary>Pictures that were copied.</summary>
    public int Pictures { get; set; }

    /// <summary>Pictures that were here already.</summary>
    public int PicturesKept { get; set; }

    /// <summary>Bytes that were copied.</summary>
    public long Bytes { get; set; }

    /// <summary>Entries here at the end.</summary>
    public int Total { get; set; }

    /// <summary>Labels here at the end.</summary>
    public int Labels { get; set; }

    public JsonObject ToJson() => new()
    {
        ["type"] = Type,
        ["datasetArn"] = Arn,
        ["entries"] = Entries,
        ["written"] = Written,
        ["differing"] = Differing,
        ["withoutPicture"] = WithoutPicture,
        ["taken"] = Taken,
        ["picturesCopied"] = Pictures,
        ["picturesKept"] = PicturesKept,
        ["bytes"] = Bytes,
        ["total"] = Total,
        ["labels"] = Labels,
    };
}

/// <summary>A model of the source.</summary>
/// <param name="Name">Name of the version.</param>
/// <param name="Status">Its status there.</param>
/// <param name="F1">Its F1 there; null if it has none.</param>
internal sealed record SourceModel(string Name, string Status, double? F1)
{
    /// <summary>ARN of the model here; null if it did not come.</summary>
    public string? Here { get; set; }

    public JsonObject ToJson() => new() { ["version"] = Name, ["status"] = Status, ["f1"] = F1, ["projectVersionArn"] = Here };
}

/// <summary>What of a project came over, and what did not.</summary>
/// <param name="Name">Its name here.</param>
/// <param name="Arn">The project here.</param>
/// <param name="Source">The project there.</param>
internal sealed record PulledProject(string Name, string Arn, string Source)
{
    public List<PulledDataset> Datasets { get; } = [];

    public List<SourceModel> Models { get; } = [];

    /// <summary>Names of the policies that are now here.</summary>
    public List<string> Policies { get; } = [];

    /// <summary>How many tags came.</summary>
    public int Tags { get; set; }

    /// <summary>ARN of the training that was started here; null for none.</summary>
    public string? Training { get; set; }

    /// <summary>What did not come, each a sentence.</summary>
    public List<string> Missing { get; } = [];

    public JsonObject ToJson() => new()
    {
        ["project"] = Name,
        ["projectArn"] = Arn,
        ["sourceArn"] = Source,
        ["datasets"] = new JsonArray([.. Datasets.Select(d => d.ToJson())]),
        ["models"] = new JsonArray([.. Models.Select(m => m.ToJson())]),
        ["policies"] = new JsonArray([.. Policies.Select(p => (JsonNode)p)]),
        ["tags"] = Tags,
        ["training"] = Training,
        ["missing"] = new JsonArray([.. Missing.Select(m => (JsonNode)m)]),
    };
}
