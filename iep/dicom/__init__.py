"""The door to DICOM: nobody outside this package imports pydicom or pynetdicom."""
