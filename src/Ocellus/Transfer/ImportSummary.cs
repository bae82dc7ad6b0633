using System.Text.Json.Nodes;

namespace Ocellus.Transfer;

/// <summary>What an import did to a dataset.</summary>
/// <param name="Type">TRAIN or TEST.</param>
/// <param name="Arn">The dataset.</param>
internal sealed record ImportedDataset(string Type, string Arn)
{
    /// <summary>Entries that were added, or replaced on request.</summary>
    public int Written { get; set; }

    /// <summary>Entries that were there with the same labels.</summary>
    public int Known { get; set; }

    /// <summary>Entries that were there with other labels and were left as they are.</summary>
    public int Differing { get; set; }

    /// <summary>Entries at the end.</summary>
    public int Total { get; set; }

    /// <summary>Entries with labels at the end.</summary>
    public int Labelled { get; set; }

    /// <summary>Labels at the end.</summary>
    public int Labels { get; set; }

    /// <summary>Entries with errors at the end.</summary>
    public int Errors { get; set; }

    public JsonObject ToJson() => new()
    {
        ["type"] = Type,
        ["datasetArn"] = Arn,
        ["written"] = Written,
        ["known"] = Known,
        ["differing"] = Differing,
        ["total"] = Total,
        ["labelled"] = Labelled,
        ["labels"] = Labels,
        ["errors"] = Errors,
    };
}

/// <summary>What an import did.</summary>
/// <param name="Project">ARN of the project.</param>
/// <param name="Bucket">Bucket of the pictures.</param>
internal sealed record ImportSummary(string Project, string Bucket)
{
    public List<ImportedDataset> Datasets { get; } = [];

    /// <summary>Pictures that were uploaded.</summary>
    public int Uploaded { get; set; }

    /// <summary>Pictures that were there already.</summary>
    public int Kept { get; set; }

    /// <summary>Images that the source describes and whose picture it lacks, or that could not be read.</summary>
    public int Unreadable { get; set; }

    /// <summary>Bytes uploaded.</summary>
    public long Bytes { get; set; }

    /// <summary>Validation images that went to the training, since the source has a test too.</summary>
    public int ValidationToTrain { get; set; }

    public JsonObject ToJson() => new()
    {
        ["projectArn"] = Project,
        ["bucket"] = Bucket,
        ["datasets"] = new JsonArray([.. Datasets.Select(d => d.ToJson())]),
        ["picturesUploaded"] = Uploaded,
        ["picturesKept"] = Kept,
        ["picturesUnreadable"] = Unreadable,
        ["bytes"] = Bytes,
        ["validationToTrain"] = ValidationToTrain,
    };
}
