namespace Ocellus.Datasets;

/// <summary>States of a dataset, spelled as on the wire.</summary>
internal enum DatasetStatus
{
    CREATE_IN_PROGRESS,
    CREATE_COMPLETE,
    CREATE_FAILED,
    UPDATE_IN_PROGRESS,
    UPDATE_COMPLETE,
    UPDATE_FAILED,
    DELETE_IN_PROGRESS,
}

/// <summary>What can happen to a dataset.</summary>
internal enum DatasetEvent
{
    Created,
    CreateFailed,

    /// <summary>A change or distribution of its entries was requested.</summary>
    UpdateRequested,
    Updated,

    /// <summary>The change was not applied; the entries are unchanged.</summary>
    UpdateFailed,

    /// <summary>A deletion was requested.</summary>
    DeleteRequested,
}

/// <summary>The lifecycle of a dataset: which state follows which event. Every change of a dataset's state goes through here.</summary>
internal static class DatasetStates
{
    /// <summary>The next state, or null if the state does not allow the event.</summary>
    public static DatasetStatus? Next(DatasetStatus now, DatasetEvent what) => (now, what) switch
    {
        (DatasetStatus.CREATE_IN_PROGRESS, DatasetEvent.Created) => DatasetStatus.CREATE_COMPLETE,
        (DatasetStatus.CREATE_IN_PROGRESS, DatasetEvent.CreateFailed) => DatasetStatus.CREATE_FAILED,
        (DatasetStatus.CREATE_COMPLETE or DatasetStatus.UPDATE_COMPLETE or DatasetStatus.UPDATE_FAILED, DatasetEvent.UpdateRequested) =>
            DatasetStatus.UPDATE_IN_PROGRESS,
        (DatasetStatus.UPDATE_IN_PROGRESS, DatasetEvent.Updated) => DatasetStatus.UPDATE_COMPLETE,
        (DatasetStatus.UPDATE_IN_PROGRESS, DatasetEvent.UpdateFailed) => DatasetStatus.UPDATE_FAILED,
        (DatasetStatus.CREATE_COMPLETE or DatasetStatus.CREATE_FAILED or DatasetStatus.UPDATE_COMPLETE or DatasetStatus.UPDATE_FAILED
            // A second delete is answered like the first.
            or DatasetStatus.DELETE_IN_PROGRESS, DatasetEvent.DeleteRequested) => DatasetStatus.DELETE_IN_PROGRESS,
        _ => null,
    };

    /// <summary>Whether the entries can be read and nothing is changing them.</summary>
    public static bool IsReadable(DatasetStatus status) =>
        status is DatasetStatus.CREATE_COMPLETE or DatasetStatus.UPDATE_COMPLETE or DatasetStatus.UPDATE_FAILED;

    /// <summary>The default <c>StatusMessage</c> of a state.</summary>
    public static string Message(DatasetStatus status) => status switch
    {
        DatasetStatus.CREATE_IN_PROGRESS => "The dataset is being created.",
        DatasetStatus.CREATE_COMPLETE => "The dataset was successfully created.",
        DatasetStatus.UPDATE_IN_PROGRESS => "The dataset is being updated.",
        DatasetStatus.UPDATE_COMPLETE => "The dataset was successfully updated.",
        DatasetStatus.DELETE_IN_PROGRESS => "The dataset is being deleted.",
        DatasetStatus.CREATE_FAILED or DatasetStatus.UPDATE_FAILED => "The service experienced an internal error.",
    };
}
